// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Blocks of another process's loop where its edges are awaited on suspicion only, or not at all.
@Suite("Bounded evidence of another process's loop")
struct BoundedIterationTests {
    private static let sleep = BlockingCall(name: "clock_nanosleep", isLock: false)

    @Test("from where the next wait is awaited a block is proved; its length lies between two bounds")
    func armed() throws {
        var loop = RemoteLoopDriver(.armedBreakpoints)
        loop.looks(100, .free)
        loop.looks(110)
        loop.looks(120)
        loop.looks(120.1, isArmed: true)
        loop.looks(from: 130, to: 170, isArmed: true)
        #expect(loop.drafts.isEmpty)
        let begun = try #require(loop.looks(180, isArmed: true).first)
        #expect(begun.state == .begun && begun.evidence == .bounded && begun.began == at(120.1))
        #expect(begun.durationUpperNanoseconds == .milliseconds(80))
        loop.entered(300)
        let ended = try #require(loop.looks(301, .free).last)
        #expect(ended.state == .ended && ended.durationNanoseconds == .milliseconds(179.9))
        #expect(ended.durationUpperNanoseconds == .milliseconds(200))
    }

    @Test("a loop that was in its wait is looked at less often than one that was not")
    func rhythm() {
        var loop = RemoteLoopDriver(.armedBreakpoints)
        loop.looks(100, .free)
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(115))
        loop.looks(115)
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(125))
        loop.detector.stretch = 1.2
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(125), "away: no time to save")
        loop.looks(125, .free)
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(143))
    }

    @Test("a gap in the waiting is no proof")
    func gap() {
        var loop = RemoteLoopDriver(.armedBreakpoints)
        loop.looks(100, .free)
        loop.looks(110)
        loop.looks(120.1, isArmed: true)
        loop.looks(from: 130, to: 160, isArmed: true)
        loop.looks(165, isArmed: false)
        loop.looks(from: 170, to: 210, isArmed: true)
        #expect(loop.drafts.isEmpty)
        loop.looks(220, isArmed: true)
        #expect(loop.drafts.map(\.began) == [at(170)])
    }

    @Test("an entry that comes while it is awaited ends what was proved")
    func burst() {
        var loop = RemoteLoopDriver(.armedBreakpoints)
        loop.looks(100, .free)
        loop.looks(110)
        loop.looks(120)
        loop.looks(120.1, isArmed: true)
        loop.entered(120.5)
        loop.returned(120.6)
        for instant in stride(from: 130.0, through: 290, by: 10) {
            loop.looks(instant, isArmed: true)
            loop.entered(instant + 0.5)
            loop.returned(instant + 0.6)
        }
        loop.looks(300, .free)
        #expect(loop.drafts.isEmpty)
    }

    @Test("a thread that is polled only, and computes, is busy and unproven, and never blocked")
    func unproven() {
        var loop = RemoteLoopDriver(.polling)
        loop.looks(100, .free)
        loop.looks(from: 110, to: 1_000)
        loop.looks(1_010, .free)
        #expect(loop.drafts.isEmpty)
        #expect(loop.detector.statistics.unprovenStretches == 1)
        #expect(loop.detector.statistics.unprovenNanoseconds == .milliseconds(910))
        #expect(loop.detector.statistics.finishedStallNanoseconds == 0)
    }

    @Test("a sleep in one call proves a block where nothing is awaited")
    func sleeps() throws {
        for rung in [EvidenceRung.polling, .confirmedPolling, .armedBreakpoints] {
            var loop = RemoteLoopDriver(rung)
            loop.looks(100, .free)
            loop.looks(from: 110, to: 290, call: Self.sleep)
            loop.looks(300, .free)
            #expect(loop.drafts.map(\.state) == [.begun, .ongoing, .ended], "\(rung)")
            let ended = try #require(loop.drafts.last)
            #expect(ended.evidence == .bounded && ended.durationNanoseconds == .milliseconds(180))
            #expect(ended.durationUpperNanoseconds == .milliseconds(200) && ended.cause == .syscall("clock_nanosleep"))
        }
    }

    @Test("a sleep that ends between two looks was over by the latter, though the thread is not back in its wait")
    func sleepThenBusy() throws {
        var loop = RemoteLoopDriver(.polling)
        loop.looks(100, .free)
        loop.looks(from: 110, to: 290, call: Self.sleep)
        let ended = try #require(loop.looks(300).last)
        #expect(ended.state == .ended && ended.durationNanoseconds == .milliseconds(180))
        #expect(ended.durationUpperNanoseconds == .milliseconds(200))
        // What was told is not counted as unproven as well.
        loop.looks(310, .free)
        #expect(loop.detector.statistics.unprovenNanoseconds == 0)
    }

    @Test("a look that was held up while it read has seen the wait at any time up to its end")
    func slowLook() throws {
        for rung in [EvidenceRung.polling, .armedBreakpoints] {
            var loop = RemoteLoopDriver(rung)
            loop.looks(100, .free)
            loop.looks(from: 110, to: 290, call: Self.sleep)
            let ended = try #require(loop.looks(300, .free, readBy: 320).last)
            #expect(ended.durationNanoseconds == .milliseconds(180), "\(rung)")
            #expect(ended.durationUpperNanoseconds == .milliseconds(220), "\(rung)")
        }
    }

    @Test("many sleeps in the same call are no proof")
    func manySleeps() {
        var loop = RemoteLoopDriver(.polling)
        loop.looks(100, .free)
        for instant in stride(from: 110.0, through: 290, by: 10) { loop.looks(instant, call: Self.sleep, runs: 3) }
        loop.looks(300, .free)
        #expect(loop.drafts.isEmpty && loop.detector.statistics.unprovenStretches == 1)
    }

    @Test("a short absence is neither")
    func short() {
        var loop = RemoteLoopDriver(.polling)
        loop.looks(100, .free)
        loop.looks(from: 110, to: 130)
        loop.looks(140, .free)
        #expect(loop.drafts.isEmpty && loop.detector.statistics.unprovenStretches == 0)
    }

    @Test("a change of means keeps what is told and forgets what is not")
    func change() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 130)
        loop.detector.change(to: .armedBreakpoints, at: at(131))
        loop.looks(from: 140, to: 160)
        loop.looks(170, .free)
        // It was away for 70 ms, and nothing tells that it was one iteration.
        #expect(loop.drafts.isEmpty && loop.detector.statistics.unprovenNanoseconds == .milliseconds(70))
        #expect(loop.detector.rung == .armedBreakpoints)
        loop.detector.change(to: .executionBreakpoints, at: at(175))
        loop.looks(180, .free)
        loop.returned(200)
        loop.entered(260)
        loop.looks(270, .free)
        #expect(loop.endedMilliseconds == [60])
    }
}
