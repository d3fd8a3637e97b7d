// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Testing

/// Sleeping and waking.
@Suite("Wake signal")
struct WakeSignalTests {
    private let signal: WakeSignal
    private static let past = MonotonicInstant(nanoseconds: 0)

    init() throws { signal = try WakeSignal() }

    @Test("a wake-up before the wait ends it at once, and is used up")
    func before() {
        signal.wake()
        #expect(signal.wait(until: nil))
        #expect(!signal.wait(until: Self.past))
    }

    @Test("a deadline that has passed ends the wait at once, unless a wake-up is pending")
    func past() {
        #expect(!signal.wait(until: Self.past))
        #expect(!signal.wait(until: MonotonicInstant(nanoseconds: -1_000_000_000)))
        signal.wake()
        #expect(signal.wait(until: Self.past))
    }

    @Test("very many wake-ups are one, and do not block")
    func many() {
        for _ in 0..<10_000 { signal.wake() }
        #expect(signal.wait(until: nil))
        #expect(!signal.wait(until: Self.past))
    }

    @Test("what is cleared wakes nobody")
    func clear() {
        signal.clear()
        signal.wake()
        signal.clear()
        signal.clear()
        #expect(!signal.wait(until: Self.past))
    }

    @Test("a wait does not end before its deadline")
    func deadline() {
        let deadline = Clock.now().advanced(byNanoseconds: 2_000_000)
        #expect(!signal.wait(until: deadline))
        #expect(Clock.now() >= deadline)
    }

    @Test("a thread that sleeps is woken by another")
    func across() throws {
        let sleeper = try TestThread.parked()
        let view = ThreadView(sleeper.identifier)
        try eventually("the thread sleeps") { view.call()?.blockingCall != nil }
        sleeper.stop()
    }
}
