// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// A thread that does one thing until it is told to stop, and says when it began.
final class TestThread: Sendable {
    /// What the thread and the test share.
    final class Signals: Sendable {
        /// Ends the thread's sleep.
        let wake: WakeSignal
        private let began = Atomic<Int64>(0)
        private let stopping = Atomic<Bool>(false)

        fileprivate init() throws { wake = try WakeSignal() }

        /// Whether the thread is to end.
        var isStopping: Bool { stopping.load(ordering: .acquiring) }
        /// Says that the thread begins now with what it is there for.
        func begin() { began.store(Clock.now().nanoseconds, ordering: .releasing) }
        /// When it began; `nil` before.
        var beganAt: MonotonicInstant? {
            let nanoseconds = began.load(ordering: .acquiring)
            return nanoseconds == 0 ? nil : MonotonicInstant(nanoseconds: nanoseconds)
        }
        fileprivate func stop() {
            stopping.store(true, ordering: .releasing)
            wake.wake()
        }
    }

    /// What the thread and the test share.
    let signals: Signals
    private let thread: OwnThread

    /// Starts a thread, and waits until it has begun with what it is there for.
    init(_ name: String = "test", _ body: @escaping @Sendable (Signals) -> Void) throws {
        let signals = try Signals()
        self.signals = signals
        thread = try OwnThread(name: name) { body(signals) }
        try eventually("the thread begins") { signals.beganAt != nil }
    }

    /// The kernel's number of the thread.
    var identifier: ThreadIdentifier { thread.identifier }

    /// Ends the thread, and waits for it.
    func stop() {
        signals.stop()
        thread.join()
    }

    /// A thread that sleeps in poll until it is stopped.
    static func parked() throws -> TestThread {
        try TestThread { signals in
            signals.begin()
            _ = signals.wake.wait(until: nil)
        }
    }

    /// A thread that computes until it is stopped.
    static func computing() throws -> TestThread {
        try TestThread { signals in
            signals.begin()
            while !signals.isStopping {}
        }
    }
}
