// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Priorities of which every thread is held, or is not there.
@Suite("Starved priorities")
struct StarvationTests {
    private func run(
        _ jobs: [SimulatedJob],
        until end: Double,
        width: Int = 2,
        taken: [SimulatedSchedule.Taken] = []
    ) -> JobPoolDriver {
        var driver = JobPoolDriver(SimulatedPool(jobs, width: width, taken: taken))
        driver.run(until: end)
        return driver
    }

    /// Two jobs that hold both threads from 60 and 70 on, which a look at 100 finds, and others that come from 130 on.
    private static func drained(longest: Double = 520) -> [SimulatedJob] {
        [SimulatedJob(60, length: longest, work: .locked), SimulatedJob(70, length: 450, work: .locked)]
            + (0..<15).map { SimulatedJob(130 + Double($0) * 20, length: 1) }
    }

    @Test("a priority of which every thread is held has one report, and its holders have none")
    func starved() {
        let driver = run(Self.drained(), until: 1_500)
        let reports = driver.reports(.stall)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
        // From when the oldest came, which was later than the last job that began.
        #expect(reports.allSatisfy { $0.began == at(130) && $0.episode == reports.first?.episode })
        #expect(reports.dropLast().map { $0.until.nanoseconds } == [230, 330].map { .milliseconds($0) })
        #expect(reports.last?.until == at(520) && reports.last?.durationNanoseconds == .milliseconds(390))
        #expect(reports.allSatisfy { $0.cause == .starvation && $0.pool?.kind == .starved && $0.thread == nil })
        let begun = reports.first?.pool
        #expect(begun?.holders.map(\.began) == [at(60), at(70)], "the longest first")
        #expect(begun?.held == 2 && begun?.width == 2 && begun?.holderCause == .lock && begun?.lane == .medium)
        #expect(begun?.waiting == 6 && reports.first?.depth == 6)
        #expect(begun?.oldestWaitNanoseconds == .milliseconds(100))
        let ended = reports.last?.pool
        #expect(ended?.waiting == 15 && ended?.held == 2 && ended?.holders.isEmpty == true)
        #expect(reports.last?.depth == nil)
        // The one that ended with the starvation was told of; the other still holds its thread.
        #expect(driver.reports(.hold).filter { $0.began == at(70) }.isEmpty)
        let counters = driver.counters(at: driver.now)
        #expect(counters[1].stallDuration.count == 1 && counters[1].finishedStallNanoseconds == .milliseconds(390))
        #expect(counters[1].stallsByCause[5] == 1)
        #expect(counters[0].finishedStallNanoseconds == .milliseconds(970), "both are counted as held")
        #expect(counters[1].congestions == 0)
    }

    @Test("the first report of a priority is prepared before it is due, as that of a held thread is")
    func prepared() {
        let taken = SimulatedSchedule.Taken(lane: .medium, time: .milliseconds(70)..<(.milliseconds(510)), threads: 2)
        let ofOthers = run([SimulatedJob(130, length: 1)], until: 1_500, taken: [taken])
        for driver in [run(Self.drained(), until: 1_500), ofOthers] {
            let reports = driver.reports(.stall)
            #expect(reports.first?.state == .begun && reports.first?.until == at(230))
            #expect(reports.first?.preparation != nil)
            #expect(reports.dropFirst().allSatisfy { $0.preparation == nil })
            #expect(driver.looks.contains(.milliseconds(205)), "25 ms before")
            let preparations = driver.preparations.filter { $0.started != nil }
            #expect(preparations.map(\.preparation.number) == [reports.first?.preparation])
            #expect(preparations.first?.holders == reports.first?.pool?.holders)
            #expect(preparations.first?.started == reports.first?.started && preparations.first?.lane == .medium)
        }
    }

    @Test("holders of which all end with the starvation have no report of their own")
    func holdersEndTogether() {
        let driver = run(Self.drained(longest: 460), until: 1_500)
        #expect(driver.reports(.hold).isEmpty)
        #expect(driver.drafts.filter { $0.state == .ended }.count == 1)
        #expect(driver.counters(at: driver.now)[0].stallDuration.count == 2)
    }

    @Test("a holder that outlives the starvation is told of by itself once it has done so for another threshold")
    func holderThatStays() {
        // The starvation ends at 520: one ends a little later, the other much.
        #expect(run(Self.drained(longest: 490), until: 1_500).reports(.hold).isEmpty)
        let holds = run(Self.drained(longest: 900), until: 1_500).reports(.hold)
        #expect(holds.map(\.state) == [.begun, .ended])
        #expect(holds.first.map { $0.until >= at(610) && $0.until <= at(640) } == true, "\(holds)")
        #expect(holds.last?.durationNanoseconds == .milliseconds(900))
    }

    @Test("holders that end right after the starvation was told have no report of their own")
    func holdersEndAtOnce() {
        // It is told at 230, and looked at again at 240.
        let jobs = [SimulatedJob(60, length: 175), SimulatedJob(65, length: 170), SimulatedJob(130, length: 1)]
        let driver = run(jobs, until: 1_000)
        #expect(driver.reports(.stall).map(\.state) == [.begun, .ended])
        #expect(driver.reports(.stall).last?.durationNanoseconds == .milliseconds(105))
        #expect(driver.reports(.hold).isEmpty)
    }

    @Test("the job with which a starvation ended is told of by itself")
    func nextHolder() {
        // The second begins at 260, and is held for longer than the threshold while the third waits for less than that.
        let jobs = [SimulatedJob(60, length: 200), SimulatedJob(130, length: 105), SimulatedJob(300, length: 1)]
        let driver = run(jobs, until: 1_000, width: 1)
        #expect(driver.reports(.stall).map(\.state) == [.begun, .ended])
        #expect(driver.reports(.stall).last?.until == at(260))
        #expect(driver.reports(.hold).map(\.state) == [.ended])
        #expect(driver.reports(.hold).last?.durationNanoseconds == .milliseconds(105))
    }

    @Test("a holder that was told of alone before jobs waited has its end told")
    func toldBefore() {
        let jobs = [
            SimulatedJob(10, length: 600), SimulatedJob(10, length: 600), SimulatedJob(300, length: 1),
        ]
        let driver = run(jobs, until: 1_500)
        let holds = driver.reports(.hold)
        #expect(holds.count { $0.state == .begun } == 2 && holds.count { $0.state == .ended } == 2)
        #expect(holds.filter { $0.state == .ended }.allSatisfy { $0.durationNanoseconds == .milliseconds(600) })
        #expect(holds.filter { $0.state == .ongoing }.allSatisfy { $0.until < at(300) }, "one report tells of both")
        #expect(driver.reports(.stall).map(\.state) == [.begun, .ongoing, .ended])
        #expect(driver.reports(.stall).last?.durationNanoseconds == .milliseconds(310))
    }

    @Test("the time is from the last job that began, if others waited already")
    func fromLastStart() {
        // 20 jobs of 10 ms, and two long ones behind them, and more.
        let short = (0..<20).map { _ in SimulatedJob(5, length: 10) }
        let long = [SimulatedJob(6, length: 400), SimulatedJob(6, length: 400)]
        let driver = run(short + long + [SimulatedJob(7, length: 1)], until: 1_500)
        let stalls = driver.reports(.stall)
        #expect(stalls.map(\.state) == [.begun, .ongoing, .ended])
        #expect(stalls.last?.began == at(105) && stalls.last?.durationNanoseconds == .milliseconds(400))
    }

    @Test("a priority of another queue goes on, and is not told of")
    func otherPriority() {
        let other = (0..<200).map { SimulatedJob(Double($0) * 5, length: 3, lane: .high) }
        let driver = run(Self.drained() + other, until: 1_500)
        #expect(driver.reports(.stall).count == 3)
        #expect(driver.drafts.allSatisfy { $0.pool?.lane == .medium })
    }

    @Test("a priority of which one thread is held while the other works off the queue is not starved")
    func oneHeld() {
        let work = (0..<150).map { SimulatedJob(10 + Double($0) * 3, length: 2.9) }
        let driver = run([SimulatedJob(5, length: 400)] + work, until: 1_500)
        #expect(driver.reports(.stall).isEmpty && driver.reports(.congestion).isEmpty)
        #expect(driver.reports(.hold).map(\.state) == [.begun, .ongoing, .ended])
        #expect(driver.reports(.hold).first?.until == at(105))
        #expect(driver.reports(.hold).last?.durationNanoseconds == .milliseconds(400))
    }

    @Test("no job waits: both threads are held, and nobody is starved")
    func nobodyWaits() {
        let driver = run([SimulatedJob(5, length: 400), SimulatedJob(5, length: 400)], until: 1_000)
        #expect(driver.reports(.stall).isEmpty)
        #expect(driver.reports(.hold).count { $0.state == .ended } == 2)
    }

    @Test("a wait just short of the threshold is none")
    func short() {
        let jobs = [SimulatedJob(10, length: 99.9), SimulatedJob(10, length: 99.9), SimulatedJob(10.1, length: 1)]
        let driver = run(jobs, until: 1_000)
        #expect(driver.drafts.isEmpty)
        #expect(driver.counters(at: driver.now)[1].blockedNanoseconds == 0)
    }

    @Test("the only thread", arguments: [1, 8])
    func width(_ width: Int) {
        let jobs = (0..<width).map { SimulatedJob(60 + Double($0), length: 350) }
        let driver = run(jobs + [SimulatedJob(130, length: 1)], until: 2_000, width: width)
        let reports = driver.reports(.stall)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
        #expect(reports.first?.pool?.held == width && reports.first?.pool?.holders.count == width)
        #expect(reports.last?.until == at(410))
    }

    @Test("what holds the threads is listed up to a limit, and counted beyond")
    func manyThreads() {
        let width = Limits.poolThreadsCaptured + 8
        let driver = run((0...width).map { _ in SimulatedJob(10, length: 300) }, until: 1_000, width: width)
        let finding = driver.reports(.stall).first?.pool
        #expect(finding?.holders.count == Limits.poolThreadsCaptured && finding?.held == width)
    }

    @Test("threads that something else has taken: jobs wait, and fewer than all are held by jobs")
    func taken() {
        let time = Int64.milliseconds(70)..<Int64.milliseconds(510)
        for held in [0, 1] {
            let driver = run(
                (held == 1 ? [SimulatedJob(60, length: 340)] : [])
                    + [SimulatedJob(130, length: 1), SimulatedJob(140, length: 1)],
                until: 1_500,
                taken: [.init(lane: .medium, time: time, threads: 2)]
            )
            let reports = driver.reports(.stall)
            #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
            #expect(reports.allSatisfy { $0.pool?.kind == .takenByOthers && $0.cause == .starvation })
            #expect(reports.first?.pool?.held == held && reports.first?.pool?.waiting == 2)
            #expect(reports.allSatisfy { $0.began == at(130) })
            #expect(reports.last?.until == at(510))
            // What holds the other thread is told of by itself.
            #expect(driver.reports(.hold).map(\.state) == (held == 1 ? [.begun, .ongoing, .ended] : []))
        }
    }

    @Test("a job that ends while something else has the threads makes no room")
    func endsInBetween() {
        // It ends at 436, and a thread is free at 439: both between the looks at 430 and 440.
        let driver = run(
            [SimulatedJob(60, length: 376), SimulatedJob(130, length: 1)],
            until: 1_500,
            taken: [.init(lane: .medium, time: .milliseconds(70)..<(.milliseconds(439)), threads: 2)]
        )
        #expect(!driver.looks.contains { (.milliseconds(436)..<(.milliseconds(439))).contains($0) })
        #expect(driver.reports(.stall).last?.state == .ended && driver.reports(.stall).last?.until == at(439))
    }

    @Test("threads that are ready and get no CPU are not taken for threads that something else has")
    func notRun() {
        for (runDelay, cause) in [(0.2, Cause.starvation), (2, .runqueue), (nil, .starvation)] as [(Double?, Cause)] {
            let jobs = [SimulatedJob(130, length: 1), SimulatedJob(140, length: 1)]
            let time = Int64.milliseconds(70)..<Int64.milliseconds(510)
            var driver = JobPoolDriver(SimulatedPool(jobs, taken: [.init(lane: .medium, time: time, threads: 2)]))
            driver.runDelay = runDelay
            driver.run(until: 1_000)
            let reports = driver.reports(.stall)
            #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
            #expect(reports.allSatisfy { $0.cause == cause && $0.pool?.kind == .takenByOthers })
            #expect(driver.looks.count < 60, "also where it cannot be read")
        }
    }

    @Test("where not every job is seen to be enqueued, only held threads are told of")
    func unknownWaits() {
        var driver = JobPoolDriver(SimulatedPool(Self.drained()), tellsWaits: false)
        driver.run(until: 1_500)
        #expect(driver.drafts.allSatisfy { $0.kind == .hold })
        #expect(
            driver.drafts.filter { $0.state == .ended }.map(\.durationNanoseconds)
                == [450, 520].map { .milliseconds($0) }
        )
    }

    @Test("threads that are all kept from the CPU are told to be")
    func runqueue() {
        let jobs = [10, 10, 30].map { SimulatedJob($0, length: 500, work: .displaced) }
        let reports = run(jobs, until: 1_500).reports(.stall)
        #expect(reports.first?.cause == .runqueue && reports.first?.pool?.holderCause == .runqueue)
    }

    @Test("a time in which the whole process stood still is not laid on the pool")
    func interrupted() {
        for (length, stalls, holds) in [(650.0, 0, 2), (720, 2, 0)] {
            let jobs = [
                SimulatedJob(60, length: length), SimulatedJob(60, length: length), SimulatedJob(120, length: 1),
            ]
            var driver = JobPoolDriver(SimulatedPool(jobs))
            driver.pauses = [.milliseconds(160)...(.milliseconds(660))]
            driver.run(until: 1_500)
            // All were held for 90 or 160 ms after the last came, and each for 150 or 220.
            #expect(driver.reports(.stall).count == stalls && driver.reports(.hold).count == holds)
            let ended = driver.drafts.filter { $0.state == .ended }
            #expect(ended.allSatisfy { $0.durationNanoseconds == .milliseconds(stalls == 0 ? 150 : 160) })
            #expect(ended.allSatisfy { $0.interruptedNanoseconds == .milliseconds(500) })
        }
    }

    @Test("what is blocked now is told, with its cause, and ends with the watch")
    func current() {
        var driver = JobPoolDriver(SimulatedPool(Self.drained()))
        driver.run(until: 225)
        #expect(driver.detector.currentCause == nil)
        driver.run(until: 300)
        #expect(driver.detector.currentCause == .starvation)
        let counters = driver.counters(at: .milliseconds(300))[1]
        #expect(counters.currentStallNanoseconds == .milliseconds(170))
        #expect(counters.latestStallBeganUnixNanoseconds == .milliseconds(130))
        driver.finish()
        #expect(
            driver.reports(.stall).last?.state == .ended && driver.reports(.stall).last?.until.nanoseconds == driver.now
        )
        #expect(driver.detector.currentCause == nil)
    }

    @Test("where the watch ends with the first report, the threads that it told of together are not told of alone")
    func endsWithReport() {
        var driver = JobPoolDriver(SimulatedPool(Self.drained()))
        driver.run(until: 230)
        #expect(driver.reports(.stall).map(\.state) == [.begun])
        driver.finish()
        #expect(driver.reports(.stall).map(\.state) == [.begun, .ended])
        #expect(driver.reports(.hold).isEmpty)
    }
}
