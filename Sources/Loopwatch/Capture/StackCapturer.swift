// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Captures what blocked threads are at.
///
/// Belongs to one thread. The watchdog's reads only threads that sleep, which takes microseconds; the desk's, which may
/// wait for a tick of the clock, does the rest.
struct StackCapturer: ~Copyable {
    private var capture: ThreadCapture
    private var unwinder = Unwinder()

    /// How often a thread that went on meanwhile is captured again: one that sleeps again and again is caught asleep
    /// sooner or later.
    private static let attemptsMost = 3

    /// Prepares captures.
    ///
    /// - Parameter policy: what they may do.
    init(policy: CapturePolicy) {
        capture = ThreadCapture(policy: policy)
    }

    /// What became of the captures so far.
    private(set) var counts = CaptureCounts.Counts()

    /// The stack of a thread, or why there is none.
    mutating func stack(of thread: ThreadIdentifier) -> Result<RawStack, CaptureOmission> {
        let view = ThreadView(thread)
        var result = attempt(view)
        for _ in 1..<Self.attemptsMost {
            guard case .failure(.moved) = result else { break }
            result = attempt(view)
        }
        switch result {
        case .success:
            counts.passive = capture.statistics.passive
            counts.signalled = capture.statistics.signalled
        case .failure(let omission): counts.omitted[omission.label, default: 0] += 1
        }
        return result
    }

    /// What the system call is about that a thread sleeps in; `nil` where that is not known.
    func detail(of thread: ThreadIdentifier) -> String? { nil }

    /// Learns of libraries that were loaded since; may wait for the loader, so never on the watchdog's thread.
    mutating func refreshModules() { unwinder.refreshModules() }

    private mutating func attempt(_ view: ThreadView) -> Result<RawStack, CaptureOmission> {
        capture.capture(view) { registers, memory, _ in
            unwinder.unwind(from: registers, memory: &memory, framesMost: Limits.stackFrames)
        }
    }
}
