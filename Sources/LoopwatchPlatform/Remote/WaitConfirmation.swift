// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
package import LoopwatchCore
internal import Synchronization

/// Awaits the next entry of a thread to its wait by ptrace(2), where the kernel allows nothing cheaper.
///
/// A thread of its own traces: the traced thread has to be let go on from each of its system calls at once, and belongs to
/// the thread that traces it. When that ends, in whatever way, the kernel lets the traced thread go, and it runs on.
package final class WaitConfirmation: Sendable {
    /// How it stands.
    package enum State: Sendable, Equatable {
        /// The thread is not traced yet.
        case starting
        /// Since this instant the thread has not entered its wait.
        case armed(since: MonotonicInstant)
        /// It entered its wait.
        case entered(at: MonotonicInstant)
        /// It is not traced any more, and nothing is known: it was not allowed, made too many calls, or is gone.
        case ended(isRefused: Bool)
    }

    /// Stops of the traced thread after which it is let go: each costs it some 20 us.
    private static let stopsMost = 400
    /// Time between looks at a traced thread, in microseconds: so long it may be held at one of its calls.
    private static let pauseMicroseconds: UInt32 = 100
    /// Time after a stop for which it is looked at without a pause, in nanoseconds: the return from a call comes soon after
    /// it, and the next call often soon after that.
    private static let closeNanoseconds: Int64 = 30_000
    /// For how long a copy of a stack is waited for, in nanoseconds.
    private static let copyNanosecondsMost: Int64 = 3_000_000

    private let shared: Shared

    private final class Shared: Sendable {
        let state = Mutex(State.starting)
        let isCancelled = Atomic<Bool>(false)
        let isCopyWanted = Atomic<Bool>(false)
        let copied = Mutex<CopiedThread?>(nil)
    }

    /// Begins to trace a thread that was just seen running; counts each time that it is held.
    ///
    /// - Parameter mustRun: whether it is left alone if it does not run any more; tests stop it in a call.
    init(
        process: Int32,
        thread: RemoteThread,
        wait: WaitCall,
        counting stops: ThreadStops,
        mustRun: Bool = true
    ) throws {
        let shared = Shared()
        self.shared = shared
        let tracer = try OwnThread(name: "loopwatch-trace") {
            Self.trace(process, thread, wait: wait, shared: shared, counting: stops, mustRun: mustRun)
        }
        tracer.detach()
    }

    deinit { shared.isCancelled.store(true, ordering: .relaxed) }

    /// How it stands now.
    package var state: State { shared.state.withLock { $0 } }

    /// Copies the registers and a piece of the stack of the traced thread, which nobody else can stop; `nil` if it does not
    /// run, or is not armed.
    func copy() -> CopiedThread? {
        guard case .armed = state else { return nil }
        shared.copied.withLock { $0 = nil }
        shared.isCopyWanted.store(true, ordering: .releasing)
        defer { shared.isCopyWanted.store(false, ordering: .releasing) }
        let deadline = Clock.now().advanced(byNanoseconds: Self.copyNanosecondsMost)
        while Clock.now() < deadline {
            usleep(Self.pauseMicroseconds)
            if let copied = shared.copied.withLock({ $0 }) { return copied }
            guard case .armed = state else { break }
        }
        return nil
    }

    private static func trace(
        _ process: Int32,
        _ thread: RemoteThread,
        wait: WaitCall,
        shared: Shared,
        counting counted: ThreadStops,
        mustRun: Bool
    ) {
        func end(isRefused: Bool = false) { shared.state.withLock { $0 = .ended(isRefused: isRefused) } }
        let identifier = thread.identifier
        guard lw_trace_seize(identifier) == 0 else { return end(isRefused: errno == EPERM) }
        // Only a thread that runs is stopped: a call that it sleeps in could end with EINTR.
        guard !mustRun || thread.call()?.call == .running else { return end() }
        // Since then at the earliest it is held, if it is.
        var going = Clock.now()
        guard lw_trace_interrupt(identifier) == 0 else { return end() }
        func countStop(isCopy: Bool = false) {
            let instant = Clock.now()
            counted.add(nanoseconds: instant.nanoseconds(since: going), isCopy: isCopy)
            going = instant
        }
        var stops = 0
        var pausesFrom = going
        // Until the stop that was asked for has come, the thread must not be let go: it would end its next call.
        var isInterrupting = true
        var copy = StackCopyRequest()
        while isInterrupting || !shared.isCancelled.load(ordering: .relaxed) {
            let before = Clock.now()
            if !isInterrupting, stops > 0, shared.isCopyWanted.load(ordering: .acquiring),
                thread.call()?.call == .running
            {
                copy.prepare()
                going = Clock.now()
                isInterrupting = lw_trace_interrupt(identifier) == 0
                pausesFrom = going.advanced(byNanoseconds: closeNanoseconds)
            }
            let look = lw_trace_look(identifier)
            switch lw_trace_stop(rawValue: UInt32(bitPattern: look.stop)) {
            case lw_trace_running:
                if !isInterrupting { going = before }
                if before < pausesFrom { continue }
                usleep(pauseMicroseconds)
                continue
            case lw_trace_before_call where isWait(look, wait) && !isInterrupting:
                let instant = Clock.now()
                lw_trace_release(identifier, 0)
                countStop()
                shared.state.withLock { $0 = .entered(at: instant) }
                return
            case lw_trace_gone: return end()
            case lw_trace_group:
                lw_trace_release(identifier, 0)
                countStop()
                return end()
            default: break
            }
            var copied: CopiedThread?
            if look.is_interrupt != 0 {
                isInterrupting = false
                var stop = lw_thread_stop()
                copied = copy.take(of: identifier, in: process, into: &stop)
                counted.add(restarted: stop.restarted_call, interrupted: stop.interrupted_call)
            }
            stops += 1
            guard stops < stopsMost || isInterrupting else {
                lw_trace_release(identifier, look.signal)
                countStop()
                return end()
            }
            let instant = Clock.now()
            lw_trace_continue(identifier, look.signal)
            countStop(isCopy: copied != nil)
            pausesFrom = going.advanced(byNanoseconds: closeNanoseconds)
            shared.state.withLock { if $0 == .starting { $0 = .armed(since: instant) } }
            if let copied {
                shared.copied.withLock { $0 = copied }
                shared.isCopyWanted.store(false, ordering: .releasing)
            }
        }
        end()
    }

    /// Where the stack of the traced thread is copied to: allocated only if that is asked for, and before it is stopped.
    private struct StackCopyRequest {
        private var buffer: [UInt8] = []

        mutating func prepare() {
            // Touched as well: cold it would take milliseconds.
            if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: RemoteStackLimits.stoppedStackBytes) }
        }

        /// Copies, if that was asked for, and in any case has a call begun again that the stop has cut short.
        mutating func take(of thread: Int32, in process: Int32, into stop: inout lw_thread_stop) -> CopiedThread? {
            let isWanted = !buffer.isEmpty
            let outcome = buffer.withUnsafeMutableBytes {
                lw_trace_copy(process, thread, $0.baseAddress, $0.count, &stop)
            }
            guard isWanted, outcome == 0 else { return nil }
            defer { buffer = [] }
            let registers = withUnsafeBytes(of: stop.registers) {
                Registers(dwarf: $0.bindMemory(to: UInt64.self).prefix(Int(stop.register_count)))
            }
            return CopiedThread(
                registers: registers,
                stackAddress: registers.stackPointer,
                stack: Array(buffer.prefix(stop.stack_bytes))
            )
        }
    }

    private static func isWait(_ look: lw_trace_look, _ wait: WaitCall) -> Bool {
        guard Int(look.number) == wait.number else { return false }
        return SystemCall.epoll.contains(wait.number)
            ? look.argument & 0xFFFF_FFFF == wait.descriptor : look.argument == wait.descriptor
    }

    /// Whether this process may trace any other at all.
    package static var isAllowed: Bool { lw_trace_is_allowed() != 0 }
}
