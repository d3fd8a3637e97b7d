// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchCapture
internal import CLoopwatchRuntime
internal import LoopwatchCore

/// Captures the registers and the stack of a blocked thread of this process.
///
/// *A thread that sleeps*, in a system call or outside one, is read **passively**: nothing touches it. That it did not
/// move meanwhile is proved by its CPU clock and by how many times it was put on a CPU, both read before and after; the
/// line that tells where it sleeps can read the same though it moved.
///
/// *A thread that runs* can only be read by itself, in a signal handler. A signal that is sent to it while it enters a
/// system call would cut that short (`nanosleep`, `poll`, `epoll_wait` return `EINTR` although `SA_RESTART` is set), and
/// between seeing that it runs and sending there is always time to enter one. So the signal is not sent by us, but by a
/// timer on the thread's own CPU clock (`timer_create(2)`, `SIGEV_THREAD_ID`), which never expires while the thread
/// sleeps. The kernel looks at it in a clock tick in which the thread runs, and sends the signal when the thread returns
/// to its own code (`CONFIG_POSIX_CPU_TIMERS_TASK_WORK`, x86-64 since Linux 5.10): a call that it is in then has ended,
/// with its true result, and one that is about to sleep sleeps on. On kernels without it, a tick that falls into the
/// moment between entering a call and going to sleep still ends the call early.
///
/// Measured on Linux 6.18, four threads that compute for 60 us and sleep for 60 us to 1 ms in turns, 100,000 captures
/// each way: by `tgkill` after the thread was seen running, 16,260 calls were cut short; by `tgkill` only after it had
/// computed for 30 us on end, 2,514 of 20,000; by timer, none (52,050 signals were delivered, the other threads were seen
/// asleep or got no tick within 12 ms).
///
/// The price is time: the signal comes with the tick, 1 to 10 ms later (`CONFIG_HZ`), and later where the thread has to
/// wait for a CPU.
///
/// Not safe for use from several threads at once: it belongs to the watchdog.
package struct ThreadCapture: ~Copyable {
    /// What became of the captures so far.
    package struct Statistics: Sendable, Equatable {
        /// Taken from a thread that slept.
        package var passive = 0
        /// Taken by signal from a thread that ran.
        package var signalled = 0
        /// Discarded, because the thread went on meanwhile.
        package var discarded = 0
        /// Not taken, for any other reason.
        package var omitted = 0
        /// For how long the handler held threads, in nanoseconds, over all captures.
        package var pauseNanosecondsTotal: UInt64 = 0
        /// For how long it held one at most, in nanoseconds.
        package var pauseNanosecondsMaximum: UInt64 = 0
    }

    /// What captures may do.
    package let policy: CapturePolicy
    /// What became of the captures so far.
    package private(set) var statistics = Statistics()
    private let lease: Result<CaptureSignal.Lease, CaptureOmission>
    /// Slots of the lease in which no capture is under way; the one that was free for longest comes first.
    private var freeSlots: [UInt32] = []
    private var memory = StackMemory()

    /// Prepares captures, and installs the signal handler where it is allowed and nobody else has one.
    ///
    /// - Parameters:
    ///   - policy: what they may do.
    ///   - parallel: how many captures by signal are wanted at once; where many watches share a process there may be fewer.
    package init(policy: CapturePolicy, parallel: Int = 1) {
        self.policy = policy
        lease =
            policy.isAllowed && policy.isSignallingAllowed
            ? CaptureSignal.lease(policy.signal, slots: parallel) : .failure(.signallingSwitchedOff)
        if case .success(let lease) = lease { freeSlots = lease.slots }
    }

    deinit {
        if case .success(let lease) = lease { CaptureSignal.end(lease) }
    }

    /// Why threads that compute cannot be captured; `nil` if they can.
    package var signallingOmission: CaptureOmission? {
        if case .failure(let omission) = lease { omission } else { nil }
    }

    /// Ends captures, and puts back what was there before the handler.
    package consuming func close() {}

    /// Captures a thread.
    ///
    /// - Parameters:
    ///   - thread: the thread; never the caller.
    ///   - maySignal: whether it may be signalled if it runs and the policy allows it.
    ///   - body: unwinds. It gets the registers that are known, the stack, and whether that is read live, in which case
    ///     what it returns counts only if the thread did not move before it returned. It may be called twice.
    /// - Returns: what `body` returned, or why there is nothing.
    package mutating func capture<Value>(
        _ thread: ThreadView,
        maySignal: Bool = true,
        _ body: (Registers, inout StackMemory, _ isLive: Bool) -> Value
    ) -> Result<Value, CaptureOmission> {
        let result = attempt(thread, maySignal: maySignal, body)
        count(result)
        return result
    }

    /// Whether another capture by signal can be begun.
    package var hasRoom: Bool { !freeSlots.isEmpty }

    /// Captures a thread that sleeps, and begins to capture one that runs, without waiting for it.
    ///
    /// - Parameters:
    ///   - thread: the thread; never the caller, and none of which a capture is under way.
    ///   - body: see ``capture(_:maySignal:_:)``.
    package mutating func begin<Value>(
        _ thread: ThreadView,
        _ body: (Registers, inout StackMemory, _ isLive: Bool) -> Value
    ) -> SignalledCapture.Start<Value> {
        let start = start(thread, maySignal: true, body)
        if case .done(let result) = start { count(result) }
        return start
    }

    /// What came of a capture that was begun; `nil` as long as it is under way, then ask again.
    package mutating func poll<Value>(
        _ capture: inout SignalledCapture,
        _ body: (Registers, inout StackMemory, _ isLive: Bool) -> Value
    ) -> Result<Value, CaptureOmission>? {
        let result = outcome(of: &capture, body)
        if let result { count(result) }
        return result
    }

    /// Gives up a capture that is under way.
    package mutating func cancel(_ capture: SignalledCapture) {
        _ = disarm(capture)
        freeSlots.append(capture.slot)
    }

    private mutating func count(_ result: Result<some Any, CaptureOmission>) {
        switch result {
        case .success: break
        case .failure(.moved): statistics.discarded += 1
        case .failure: statistics.omitted += 1
        }
    }

    private mutating func attempt<Value>(
        _ thread: ThreadView,
        maySignal: Bool,
        _ body: (Registers, inout StackMemory, Bool) -> Value
    ) -> Result<Value, CaptureOmission> {
        switch start(thread, maySignal: maySignal, body) {
        case .done(let result): return result
        case .underWay(var capture):
            while true {
                if let result = outcome(of: &capture, body) { return result }
                let left = capture.deadline.nanoseconds(since: Clock.now())
                _ = lw_capture_wait(capture.slot, min(left, Self.sliceNanoseconds))
            }
        }
    }

    private mutating func start<Value>(
        _ thread: ThreadView,
        maySignal: Bool,
        _ body: (Registers, inout StackMemory, Bool) -> Value
    ) -> SignalledCapture.Start<Value> {
        guard policy.isAllowed else { return .done(.failure(.switchedOff)) }
        guard thread.identifier > 0, thread.identifier != OwnThread.currentIdentifier else {
            return .done(.failure(.threadUnknown))
        }
        if let result = passive(thread, body) { return .done(result) }
        guard maySignal else { return .done(.failure(.signallingSwitchedOff)) }
        switch lease.flatMap({ arm(thread, $0) }) {
        case .failure(let omission): return .done(.failure(omission))
        case .success(let capture): return .underWay(capture)
        }
    }

    /// Reads a thread that sleeps; `nil` if it runs.
    private mutating func passive<Value>(
        _ thread: ThreadView,
        _ body: (Registers, inout StackMemory, Bool) -> Value
    ) -> Result<Value, CaptureOmission>? {
        // Before the line: what the line says is then within the time that is vouched for.
        guard let before = Motion(thread) else { return .failure(.threadGone) }
        let call = thread.call()
        let registers: Registers
        switch call {
        case .running: return nil
        case .inside(_, _, let stackPointer, let programCounter), .outside(let stackPointer, let programCounter):
            registers = Registers(programCounter: programCounter, stackPointer: stackPointer)
            memory.begin(liveAt: stackPointer)
        case nil: return .failure(Motion(thread) == nil ? .threadGone : .notReadable)
        }
        let value = body(registers, &memory, true)
        guard thread.call() == call, Motion(thread) == before else { return .failure(.moved) }
        statistics.passive += 1
        return .success(value)
    }

    /// Has a thread that runs copy itself at its next tick.
    private mutating func arm(
        _ thread: ThreadView,
        _ lease: CaptureSignal.Lease
    ) -> Result<SignalledCapture, CaptureOmission> {
        guard CaptureSignal.isInForce(lease.signal) else { return .failure(.handlerTaken(by: nil)) }
        guard let signals = ThreadSignals(of: thread.identifier) else { return .failure(.threadGone) }
        guard !signals.blocks(lease.signal) else { return .failure(.signalBlocked) }
        for slot in freeSlots {
            let token = lw_capture_arm(slot)
            // A handler of an earlier capture has not finished: its thread gets no CPU.
            guard token != 0 else { continue }
            let timer = lw_thread_timer_start(thread.identifier, lease.signal, token)
            guard timer >= 0 else {
                let error = SystemError(operation: "timer_create")
                lw_capture_withdraw(slot)
                return .failure(thread.cpuNanoseconds() == nil ? .threadGone : .refused(error))
            }
            freeSlots.removeAll { $0 == slot }
            let now = Clock.now()
            return .success(
                SignalledCapture(
                    thread: thread,
                    signal: lease.signal,
                    slot: slot,
                    timer: timer,
                    deadline: now.advanced(byNanoseconds: policy.waitNanosecondsMost),
                    seenAwake: now
                )
            )
        }
        return .failure(.notDelivered)
    }

    /// What came of a capture by signal; `nil` as long as it is under way.
    private mutating func outcome<Value>(
        of capture: inout SignalledCapture,
        _ body: (Registers, inout StackMemory, Bool) -> Value
    ) -> Result<Value, CaptureOmission>? {
        let phase = lw_capture_wait(capture.slot, 0)
        let now = Clock.now()
        var isAwake = true
        if phase == LW_CAPTURE_ARMED, now.nanoseconds(since: capture.seenAwake) >= Self.sliceNanoseconds {
            isAwake = capture.thread.call() == .running
            capture.seenAwake = now
        }
        guard phase == LW_CAPTURE_READY || !isAwake || now >= capture.deadline else { return nil }
        defer { freeSlots.append(capture.slot) }
        if disarm(capture) { return unwind(capture.slot, body) }
        // It went to sleep before the signal came.
        return (isAwake ? nil : passive(capture.thread, body)) ?? .failure(.notDelivered)
    }

    /// Ends a capture by signal; returns whether its slot is full.
    private func disarm(_ capture: SignalledCapture) -> Bool {
        let isSent = lw_thread_timer_end(capture.timer) != 0
        var phase = lw_capture_withdraw(capture.slot)
        // The handler has begun, and needs some microseconds; more only if its thread has lost its CPU.
        if phase == LW_CAPTURE_WRITING { phase = lw_capture_wait(capture.slot, Self.writingNanosecondsMost) }
        if phase == LW_CAPTURE_READY { return true }
        if isSent { CaptureSignal.noteUnseen(capture.thread.identifier, capture.signal) }
        return false
    }

    /// Hands the copy to `body`.
    private mutating func unwind<Value>(
        _ slot: UInt32,
        _ body: (Registers, inout StackMemory, Bool) -> Value
    ) -> Result<Value, CaptureOmission> {
        let contents = lw_capture_contents(slot).pointee
        statistics.pauseNanosecondsTotal &+= contents.duration_ns
        statistics.pauseNanosecondsMaximum = max(statistics.pauseNanosecondsMaximum, contents.duration_ns)
        guard contents.stack_bytes > 0, contents.stack_bytes <= UInt64(LW_CAPTURE_STACK_BYTES_MAX) else {
            return .failure(.notReadable)
        }
        let registers = withUnsafeBytes(of: contents.registers) { Registers(dwarf: $0.bindMemory(to: UInt64.self)) }
        let copy = UnsafeRawBufferPointer(start: lw_capture_stack(slot), count: Int(contents.stack_bytes))
        memory.begin(copy: copy, at: contents.stack_address)
        statistics.signalled += 1
        return .success(body(registers, &memory, false))
    }

    /// After so long without a signal it is looked whether the thread has gone to sleep, where none would ever come.
    private static let sliceNanoseconds: Int64 = 1_000_000

    /// For how long a handler that has begun is waited for.
    private static let writingNanosecondsMost: Int64 = 2_000_000
}

/// What changes when a thread runs, however short.
private struct Motion: Equatable {
    private let cpuNanoseconds: Int64
    /// How many times it was put on a CPU; `nil` on kernels without schedstat.
    private let runs: Int64?

    /// Reads it; `nil` if the thread is gone.
    init?(_ thread: ThreadView) {
        guard let cpuNanoseconds = thread.cpuNanoseconds() else { return nil }
        self.cpuNanoseconds = cpuNanoseconds
        runs = thread.schedule()?.runs
    }
}
