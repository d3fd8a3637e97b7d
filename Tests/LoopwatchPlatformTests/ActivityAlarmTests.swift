// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// Being woken once the process computes, as the other tests of this process do as well.
@Suite("An alarm of the process's CPU time")
struct ActivityAlarmTests {
    private static func compute(milliseconds: Int64) {
        let end = (Clock.ownCPUNanoseconds() ?? 0) + milliseconds * 1_000_000
        while let now = Clock.ownCPUNanoseconds(), now < end {}
    }

    /// Runs a body on a thread of Loopwatch's kind, with an alarm of its own.
    private static func withAlarm(_ body: @escaping @Sendable (WakeSignal, ActivityAlarm) -> Void) throws {
        let hasRun = Atomic<Bool>(false)
        let signal = try WakeSignal()
        let thread = try OwnThread(name: "test-alarm") {
            guard let alarm = try? ActivityAlarm() else { return }
            body(signal, alarm)
            hasRun.store(true, ordering: .releasing)
        }
        thread.join()
        let isDone = hasRun.load(ordering: .acquiring)
        #expect(isDone)
    }

    @Test("it wakes its thread once others have computed for long enough, and once only")
    func others() throws {
        let isOver = Atomic<Bool>(false)
        let other = try OwnThread(name: "test-compute") {
            while !isOver.load(ordering: .relaxed) {}
        }
        defer {
            isOver.store(true, ordering: .relaxed)
            other.join()
        }
        try Self.withAlarm { signal, alarm in
            let before = Clock.processCPUNanoseconds() ?? 0
            alarm.set(afterCPUNanoseconds: 20_000_000)
            let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
            #expect(signal.wait(until: deadline, alarm: alarm) == .alarm)
            #expect((Clock.processCPUNanoseconds() ?? 0) - before >= 20_000_000)
            let soon = Clock.now().advanced(byNanoseconds: 60_000_000)
            #expect(signal.wait(until: soon, alarm: alarm) == [])
        }
    }

    @Test("one that was unset, or set for later, wakes nobody, and a wake-up of another kind is told apart")
    func unset() throws {
        try Self.withAlarm { signal, alarm in
            alarm.set(afterCPUNanoseconds: 3_600_000_000_000)
            Self.compute(milliseconds: 30)
            #expect(signal.wait(until: Clock.now(), alarm: alarm) == [])
            alarm.unset()
            Self.compute(milliseconds: 30)
            #expect(signal.wait(until: Clock.now(), alarm: alarm) == [])
            signal.wake()
            #expect(signal.wait(until: nil, alarm: alarm) == .signal)
        }
    }

    @Test("no handler of the host runs for it")
    func handler() throws {
        var previous = sigaction()
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in handled.add(1, ordering: .relaxed) }
        sigaction(SIGURG, &action, &previous)
        defer { sigaction(SIGURG, &previous, nil) }
        try Self.withAlarm { signal, alarm in
            alarm.set(afterCPUNanoseconds: 5_000_000)
            Self.compute(milliseconds: 30)
            let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
            #expect(signal.wait(until: deadline, alarm: alarm) == .alarm)
        }
        let count = handled.load(ordering: .relaxed)
        #expect(count == 0)
    }
}

/// Signals that the test's handler was given.
private let handled = Atomic<Int>(0)
