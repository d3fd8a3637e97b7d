// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Blocks of another process's loop, where the kernel times every entry to its wait and every return.
@Suite("Iterations of another process's loop")
struct IterationDetectorTests {
    private static let sleep = BlockingCall(name: "clock_nanosleep", isLock: false)

    @Test("a block is told at the threshold, at doublings and at its end, with its exact length")
    func block() throws {
        var loop = RemoteLoopDriver()
        loop.returned(103.25, events: 2)
        loop.looks(from: 110, to: 150)
        #expect(loop.drafts.isEmpty)
        let begun = try #require(loop.looks(153.25).first)
        #expect(begun.state == .begun && begun.began == at(103.25) && begun.durationNanoseconds == .milliseconds(50))
        #expect(begun.thread == RemoteLoopDriver.thread && begun.evidence == .exact && begun.events == 2)
        #expect(begun.cause == .cpu && begun.durationUpperNanoseconds == nil)
        loop.looks(from: 160, to: 550)
        #expect(loop.drafts.map(\.state) == [.begun, .ongoing, .ongoing, .ongoing])
        #expect(loop.drafts.dropFirst().map { $0.durationNanoseconds / 50_000_000 } == [2, 4, 8])
        loop.entered(555.75)
        let ended = try #require(loop.looks(560, .free).first)
        #expect(ended.state == .ended && ended.durationNanoseconds == .milliseconds(452.5))
        #expect(ended.episode == begun.episode && ended.evidence == .exact && ended.severity == .warning)
        #expect(loop.drafts.count == 5)
        let statistics = loop.detector.statistics(at: at(560), unixNanoseconds: 0, interruptions: .init())
        #expect(statistics.finishedStallNanoseconds == .milliseconds(452.5))
        #expect(statistics.currentStallNanoseconds == nil)
        #expect(statistics.lag.count == 1 && statistics.stallsBySeverity == [1, 0, 0])
    }

    @Test("a block that began and ended between two looks is told once, with its exact length")
    func betweenLooks() {
        var loop = RemoteLoopDriver()
        loop.returned(10.5)
        loop.entered(65.75)
        loop.looks(100, .free)
        #expect(loop.drafts.map(\.state) == [.ended] && loop.endedMilliseconds == [55.25])
        #expect(loop.drafts.first?.evidence == .exact)
    }

    @Test("the look finds out what a block sleeps in")
    func cause() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 170, call: Self.sleep)
        loop.entered(178)
        loop.looks(180, .free)
        #expect(loop.drafts.map(\.cause) == [.syscall("clock_nanosleep"), .syscall("clock_nanosleep")])
        #expect(loop.endedMilliseconds == [78])
    }

    @Test("a thread that waits for a CPU is the machine's doing")
    func starved() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        for instant in stride(from: 110.0, through: 170, by: 10) { loop.looks(instant, delayed: 8) }
        loop.entered(171)
        loop.looks(180, .free)
        #expect(loop.drafts.map(\.cause) == [.runqueue, .runqueue])
    }

    @Test("a thread whose group has used up its quota is throttled, though the kernel counts that only at its end")
    func throttled() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(110)
        for instant in stride(from: 120.0, through: 180, by: 10) { loop.looks(instant, delayed: 10) }
        // Until here nothing told it from a CPU that others have.
        #expect(loop.drafts.map(\.cause) == [.runqueue])
        loop.looks(190, delayed: 8, throttled: 78)
        loop.entered(195)
        loop.looks(200, .free)
        #expect(loop.drafts.map(\.cause) == [.runqueue, .throttled])
    }

    @Test("throttling that ended after the latest look is told of a block, that before it is not")
    func throttledAtTheEnds() {
        var loop = RemoteLoopDriver()
        loop.looks(90, .free, throttled: 500)
        loop.returned(100)
        for instant in stride(from: 110.0, through: 160, by: 10) { loop.looks(instant, delayed: 9) }
        loop.entered(171)
        loop.looks(180, .free)
        #expect(loop.drafts.map(\.cause) == [.runqueue, .runqueue])
        loop.returned(200)
        for instant in stride(from: 210.0, through: 260, by: 10) { loop.looks(instant, delayed: 9) }
        loop.entered(265)
        loop.looks(270, .free, throttled: 55)
        #expect(loop.drafts.map(\.cause).suffix(2) == [.runqueue, .throttled])
    }

    @Test("200 iterations of 1 ms with data always at hand are no block")
    func burst() {
        var loop = RemoteLoopDriver()
        for number in 0..<200 {
            loop.returned(100 + Double(number))
            if number % 10 == 9 { loop.looks(100.5 + Double(number)) }
            loop.entered(100.999 + Double(number))
        }
        loop.looks(301, .free)
        #expect(loop.drafts.isEmpty)
        #expect(loop.detector.iterations == 200)
        #expect(loop.detector.statistics.lag.count == 200)
        #expect(loop.detector.statistics.unprovenStretches == 0)
    }

    @Test("an iteration just below the threshold is none, and one at it is")
    func boundary() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 140)
        loop.entered(149.999)
        loop.looks(150, .free)
        #expect(loop.drafts.isEmpty)
        loop.returned(200)
        loop.looks(from: 210, to: 240)
        loop.entered(250)
        loop.looks(250.5, .free)
        #expect(loop.endedMilliseconds == [50])
    }

    @Test("a wait on another descriptor is part of the iteration")
    func nested() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.entered(101, RemoteLoopDriver.nested)
        loop.looks(from: 110, to: 200, call: BlockingCall(name: "epoll_pwait", isLock: false))
        loop.returned(299)
        loop.entered(299.5, RemoteLoopDriver.nested)
        loop.returned(300)
        loop.looks(310)
        loop.entered(311)
        loop.looks(320, .free)
        #expect(loop.drafts.map(\.state) == [.begun, .ongoing, .ongoing, .ended])
        #expect(loop.endedMilliseconds == [211] && loop.drafts.allSatisfy { $0.episode == 1 })
        #expect(loop.detector.statistics.lag.count == 1)
    }

    @Test("an iteration of which many jobs were seen is congestion from its first report on, and counted as such")
    func manyJobs() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 140)
        loop.detector.note(isOfManyJobs: true, inIterationFrom: at(100), at: at(140), interruptions: .init())
        loop.looks(from: 150, to: 390)
        loop.entered(400)
        loop.looks(400, .free)
        #expect(loop.drafts.map(\.kind) == Array(repeating: .congestion, count: loop.drafts.count))
        #expect(loop.drafts.first?.state == .begun && loop.drafts.last?.state == .ended)
        let statistics = loop.detector.statistics(at: at(400), unixNanoseconds: 0, interruptions: .init())
        #expect(statistics.congestions == 1 && statistics.congestedNanoseconds == .milliseconds(300))
        #expect(statistics.stallsBySeverity == [0, 0, 0])
    }

    @Test("one of many jobs that turns out to block is a block, and no counter falls")
    func oneOfManyJobs() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 140)
        loop.detector.note(isOfManyJobs: true, inIterationFrom: at(100), at: at(140), interruptions: .init())
        loop.looks(from: 150, to: 180)
        let before = loop.detector.statistics(at: at(180), unixNanoseconds: 0, interruptions: .init())
        #expect(before.congestedNanoseconds == .milliseconds(80))
        loop.detector.note(isOfManyJobs: false, inIterationFrom: at(100), at: at(180), interruptions: .init())
        loop.looks(from: 190, to: 390)
        loop.entered(400)
        loop.looks(400, .free)
        #expect(loop.drafts.first?.kind == .congestion && loop.drafts.last?.kind == .stall)
        #expect(loop.endedMilliseconds == [300])
        let after = loop.detector.statistics(at: at(400), unixNanoseconds: 0, interruptions: .init())
        #expect(after.congestedNanoseconds == .milliseconds(80) && after.congestions == 0)
        #expect(after.stallsBySeverity == [1, 0, 0])
    }

    @Test("what was reported as a block does not become many jobs, and another iteration is not meant")
    func blockRemains() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 140)
        loop.detector.note(isOfManyJobs: true, inIterationFrom: at(99), at: at(140), interruptions: .init())
        loop.looks(from: 150, to: 160)
        loop.detector.note(isOfManyJobs: true, inIterationFrom: at(100), at: at(160), interruptions: .init())
        loop.entered(200)
        loop.looks(200, .free)
        #expect(loop.drafts.map(\.kind) == [.stall, .stall])
    }

    @Test("what goes on when edges are lost is not known, and no block")
    func lost() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(110)
        loop.lost(120)
        loop.looks(121)
        loop.entered(160)
        loop.looks(165, .free)
        #expect(loop.drafts.isEmpty && loop.detector.statistics.edgesLost == 1)
        // From the next entry on everything is known again.
        loop.returned(200)
        loop.entered(260)
        loop.looks(270, .free)
        #expect(loop.endedMilliseconds == [60])
    }

    @Test("what goes on for longer than the threshold after edges were lost is proved by those that do not come")
    func provedAfterLoss() throws {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.lost(105)
        loop.looks(from: 110, to: 170)
        #expect(loop.drafts.map(\.state) == [.begun])
        loop.entered(175)
        let ended = try #require(loop.looks(180, .free).first)
        #expect(ended.evidence == .bounded && ended.durationNanoseconds == .milliseconds(65))
        #expect(try #require(ended.durationUpperNanoseconds) >= .milliseconds(75))
    }

    @Test("a block whose edges are lost ends where it was last seen")
    func lostWithin() throws {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 160)
        loop.lost(163)
        let ended = try #require(loop.looks(170).first)
        #expect(ended.state == .ended && ended.durationNanoseconds == .milliseconds(60) && ended.evidence == .bounded)
        #expect(ended.durationUpperNanoseconds == .milliseconds(63))
    }

    @Test("a look that finds the wait outweighs an edge that is missing")
    func missedEntry() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(110)
        loop.looks(120, .free)
        loop.looks(from: 130, to: 170)
        #expect(loop.drafts.isEmpty && loop.detector.statistics.edgesLost == 1)
    }

    @Test("an edge that is read after the look that found the wait ends the iteration")
    func lateEntry() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 150)
        loop.entered(160.1)
        loop.looks(160, .free)
        loop.looks(170, .free)
        #expect(loop.endedMilliseconds == [60.1] && loop.detector.statistics.edgesLost == 0)
    }

    @Test("the time for which the process is stopped is not laid on the loop")
    func stopped() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(110)
        for instant in stride(from: 120.0, through: 1_100, by: 10) { loop.looks(instant, isStopped: true) }
        loop.interruptions.append(Interruption(from: at(110), to: at(1_110), kind: .suspended))
        loop.looks(1_110)
        loop.entered(1_120)
        loop.looks(1_130, .free)
        #expect(loop.drafts.isEmpty)
        loop.returned(1_200)
        loop.looks(from: 1_210, to: 1_240)
        loop.interruptions.append(Interruption(from: at(1_240), to: at(1_300), kind: .suspended))
        loop.looks(from: 1_300, to: 1_330)
        loop.entered(1_340)
        loop.looks(1_345, .free)
        #expect(loop.endedMilliseconds == [80])
        #expect(loop.drafts.last?.interruptedNanoseconds == .milliseconds(60))
    }

    @Test("a block ends with its thread")
    func gone() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 160)
        let drafts = loop.detector.gone(at: at(165), interruptions: loop.interruptions)
        #expect(drafts.map(\.state) == [.ended])
        #expect(loop.looks(170).isEmpty && loop.detector.nextLook(interruptions: loop.interruptions) == nil)
    }

    @Test("a loop in its wait is looked at once a threshold, one that is away more often and when a report is due")
    func rhythm() {
        var loop = RemoteLoopDriver()
        loop.looks(10, .free)
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(60))
        var often = RemoteLoopDriver(.tracepoints)
        often.looks(10, .free)
        #expect(often.detector.nextLook(interruptions: often.interruptions) == at(20))
        loop.returned(54)
        loop.looks(60)
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(70))
        loop.looks(from: 70, to: 100)
        #expect(loop.detector.nextLook(interruptions: loop.interruptions) == at(104))
    }

    @Test("statistics count a block that goes on")
    func current() {
        var loop = RemoteLoopDriver()
        loop.returned(100)
        loop.looks(from: 110, to: 160)
        let statistics = loop.detector.statistics(at: at(165), unixNanoseconds: 1_000_000_000, interruptions: .init())
        #expect(statistics.currentStallNanoseconds == .milliseconds(65))
        #expect(statistics.certainStallNanoseconds == .milliseconds(60))
        #expect(statistics.latestStallBeganUnixNanoseconds == 1_000_000_000 - .milliseconds(65))
        #expect(loop.detector.currentCause == .cpu && loop.detector.isBlocked)
    }
}
