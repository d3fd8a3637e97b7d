// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Captures what blocked threads are at.
///
/// Belongs to one thread. The watchdog's reads only threads that sleep, which takes microseconds; the desk's, which may
/// wait for a tick of the clock, does the rest.
struct StackCapturer: ~Copyable {
    /// What became of the captures so far.
    private(set) var counts = CaptureSnapshot()
    private var capture: ThreadCapture
    private var unwinder = Unwinder()

    /// How often a thread that went on meanwhile is captured again: one that sleeps again and again is caught asleep
    /// sooner or later.
    static let attemptsMost = 3

    /// Prepares captures.
    ///
    /// - Parameters:
    ///   - policy: what they may do.
    ///   - parallel: how many threads that compute are captured at once.
    init(policy: CapturePolicy, parallel: Int = 1) {
        capture = ThreadCapture(policy: policy, parallel: parallel)
    }

    /// Captures the threads of a blocked target.
    ///
    /// - Parameters:
    ///   - threads: its threads.
    ///   - watched: the target. If it has gone on by the end of the capture, what was captured is not to blame, and is
    ///     discarded.
    ///   - passesOn: whether threads that compute are left for another capturer, which may signal.
    ///   - note: takes what comes of it.
    mutating func capture(
        _ threads: some Collection<ThreadIdentifier>,
        of watched: WatchedTarget,
        passesOn: Bool,
        into note: inout StallCapture
    ) {
        if threads.isEmpty {
            counts.count(.threadUnknown)
            note.omitted = CaptureOmission.threadUnknown.text
        }
        for thread in threads {
            switch stack(of: ThreadView(thread), maySignal: !passesOn) {
            case .success(let stack): note.stacks.append(stack)
            case .failure(.signallingSwitchedOff) where passesOn: note.computing.append(thread)
            case .failure(let omission):
                counts.count(omission)
                note.omitted = omission.text
            }
        }
        if let token = note.token, watched.isStill(at: token) { return }
        if !note.stacks.isEmpty { countDiscarded(.late) }
        note = StallCapture(omitted: Self.wentOn)
    }

    /// Whether the capture of another thread that computes can be begun.
    var hasRoom: Bool { capture.hasRoom }

    /// Captures a thread that sleeps, and begins to capture one that computes; see ``ThreadCapture/begin(_:_:)``.
    mutating func begin(_ thread: ThreadIdentifier) -> SignalledCapture.Start<RawStack> {
        let start = capture.begin(ThreadView(thread)) { registers, memory, _ in
            unwinder.unwind(from: registers, memory: &memory, framesMost: Limits.stackFrames)
        }
        countTaken()
        return start
    }

    /// What came of a capture that was begun; `nil` as long as it is under way.
    mutating func poll(_ underWay: inout SignalledCapture) -> Result<RawStack, CaptureOmission>? {
        let result = capture.poll(&underWay) { registers, memory, _ in
            unwinder.unwind(from: registers, memory: &memory, framesMost: Limits.stackFrames)
        }
        countTaken()
        return result
    }

    /// Gives up a capture that is under way.
    mutating func cancel(_ underWay: SignalledCapture) { capture.cancel(underWay) }

    /// Counts a capture that came to nothing.
    mutating func count(_ omission: CaptureOmission) { counts.count(omission) }

    /// Counts a capture that was left out.
    mutating func countOverLimit() { counts.omitted[CaptureSnapshot.OmissionReason.limit.rawValue] += 1 }

    /// Counts stacks that are not used.
    mutating func countDiscarded(_ reason: CaptureSnapshot.DiscardReason, _ number: Int = 1) {
        counts.discarded[reason.rawValue] += UInt64(number)
    }

    /// What the system call is about that a thread sleeps in; `nil` where that is not known.
    func detail(of thread: ThreadIdentifier) -> String? {
        guard case .inside(let number, let argument, _, _)? = ThreadView(thread).call(),
            DescriptorCalls.hasDescriptor(SystemCall.name(of: number))
        else { return nil }
        return FileDescriptorDescription.of(Int(truncatingIfNeeded: argument))
    }

    /// Learns of libraries that were loaded since.
    ///
    /// Waits for a thread that is loading one, so never on the watchdog's thread.
    mutating func refreshModules() { unwinder.refreshModules() }

    private mutating func stack(of view: ThreadView, maySignal: Bool) -> Result<RawStack, CaptureOmission> {
        var result = attempt(view, maySignal: maySignal)
        for _ in 1..<Self.attemptsMost {
            guard case .failure(.moved) = result else { break }
            counts.count(.moved)
            result = attempt(view, maySignal: maySignal)
        }
        countTaken()
        return result
    }

    private mutating func countTaken() {
        counts.passive = UInt64(capture.statistics.passive)
        counts.signalled = UInt64(capture.statistics.signalled)
    }

    private mutating func attempt(_ view: ThreadView, maySignal: Bool) -> Result<RawStack, CaptureOmission> {
        capture.capture(view, maySignal: maySignal) { registers, memory, _ in
            unwinder.unwind(from: registers, memory: &memory, framesMost: Limits.stackFrames)
        }
    }

    /// What is said of a target that went on to something else.
    static let wentOn = "the target went on to something else before it could be captured"
}
