// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A rest of one thread that another can end early, and for good.
final class Rest: Sendable {
    private let wake: WakeSignal
    private let over = Atomic<Bool>(false)

    /// Creates a rest.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init() throws {
        wake = try WakeSignal()
    }

    /// Whether there is no rest any more.
    var isOver: Bool { over.load(ordering: .acquiring) }

    /// Sleeps until the deadline, or until the rest is over.
    func sleep(until deadline: MonotonicInstant) {
        while !isOver, wake.wait(until: deadline) {}
    }

    /// Sleeps for so long, or until the rest is over.
    func sleep(nanoseconds: Int64) {
        sleep(until: Clock.now().advanced(byNanoseconds: nanoseconds))
    }

    /// Ends the rest, and every later one, at once.
    func end() {
        over.store(true, ordering: .releasing)
        wake.wake()
    }
}
