// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Jobs that run one task of an actor after another, and the main actor.
@Suite("Actors on the pool")
struct ActorDrainTests {
    private func run(_ jobs: [SimulatedJob], until end: Double, width: Int = 2) -> JobPoolDriver {
        var driver = JobPoolDriver(SimulatedPool(jobs, width: width))
        driver.run(until: end)
        return driver
    }

    private func drain(at start: Double, _ tasks: [Double], isKnown: Bool = true, lane: JobLane = .medium)
        -> SimulatedJob
    {
        SimulatedJob(start, length: tasks.reduce(0, +), lane: lane, kind: .actor, tasks: isKnown ? tasks : [])
    }

    @Test("an actor that goes from task to task for long holds its thread with none of them")
    func manyTasks() {
        let driver = run([drain(at: 10, Array(repeating: 1, count: 800))], until: 2_000)
        #expect(driver.drafts.isEmpty)
        #expect(driver.counters(at: driver.now)[0].blockedNanoseconds == 0)
    }

    @Test("one long task among many is told, from within a look of its beginning")
    func oneLongTask() {
        let tasks = Array(repeating: 1, count: 230) + [350] + Array(repeating: 1.0, count: 300)
        let driver = run([drain(at: 10, tasks)], until: 2_000)
        let reports = driver.reports(.hold)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
        let look = JobPoolDriver.policy().lookNanoseconds
        #expect(reports.allSatisfy { abs($0.began.nanoseconds - .milliseconds(240)) <= look })
        #expect(abs((reports.last?.until.nanoseconds ?? 0) - .milliseconds(590)) <= look)
        #expect(reports.last?.pool?.holders.first?.kind == .actor)
        #expect(driver.counters(at: driver.now)[0].stallDuration.count == 1)
    }

    @Test("a long task with which an actor's job begins and ends is told exactly")
    func onlyTask() {
        let driver = run([drain(at: 10, [350])], until: 1_000)
        #expect(driver.reports(.hold).map(\.state) == [.begun, .ongoing, .ended])
        #expect(driver.reports(.hold).last?.began == at(10) && driver.reports(.hold).last?.until == at(360))
    }

    @Test("where it is not known what an actor's job is at, the job counts as one")
    func unknown() {
        let driver = run([drain(at: 10, Array(repeating: 1, count: 350), isKnown: false)], until: 1_000)
        #expect(driver.reports(.hold).map(\.state) == [.begun, .ongoing, .ended])
        #expect(driver.reports(.hold).last?.durationNanoseconds == .milliseconds(350))
    }

    @Test("an actor that is seen once and has ended by the next look may have been at its last of many tasks")
    func seenOnce() {
        var detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2, reading: reading(at: 0))
        var said: [JobPoolDetector.Said] = []
        func look(_ reading: JobReading) {
            said += detector.looked(reading, observations: [:], interruptions: InterruptionLog())
        }
        look(reading(at: 95, within: 7))
        var after = reading(at: 120)
        after.ended = [JobReading.Ended(job: actorJob(within: nil), ended: at(110))]
        look(after)
        #expect(said.isEmpty, "\(said)")
        // At the same task twice: it is taken to be the only one.
        detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2, reading: reading(at: 0))
        look(reading(at: 85, within: 7))
        look(reading(at: 95, within: 7))
        look(after)
        #expect(said.map(\.draft.durationNanoseconds) == [.milliseconds(105)])
    }

    @Test("an actor that a late look finds past the threshold is told once it is seen at the same task again")
    func seenTwice() {
        for second in [7, 8] as [UInt64] {
            var detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2, reading: reading(at: 0))
            func look(at milliseconds: Double, within: UInt64) -> [ReportDraft] {
                let reading = reading(at: milliseconds, within: within)
                let said = detector.looked(reading, observations: [:], interruptions: InterruptionLog())
                return said.map(\.draft)
            }
            func blocked(at milliseconds: Double) -> Int64 {
                detector.holdStatistics(
                    at: MonotonicInstant(nanoseconds: .milliseconds(milliseconds)),
                    unixNanoseconds: 0,
                    interruptions: InterruptionLog()
                ).blockedNanoseconds
            }
            #expect(look(at: 150, within: 7).isEmpty)
            #expect(blocked(at: 155) == 0)
            #expect(detector.heldLong(at: at(155), interruptions: InterruptionLog()).isEmpty)
            let drafts = look(at: 160, within: second)
            #expect(drafts.map(\.state) == (second == 7 ? [.begun] : []), "\(drafts)")
            #expect(drafts.allSatisfy { $0.began == at(5) })
            #expect(blocked(at: 160) == (second == 7 ? .milliseconds(155) : 0))
        }
    }

    private func actorJob(within: UInt64?) -> Job {
        Job(
            identity: JobIdentity(slot: 1, startTicks: 7),
            thread: 11,
            began: at(5),
            lane: .medium,
            kind: .actor,
            within: within
        )
    }

    /// A reading without counters.
    private func reading(at milliseconds: Double, within: UInt64? = nil) -> JobReading {
        JobReading(
            instant: at(milliseconds),
            lanes: JobLane.allCases.map { _ in JobReading.Lane() },
            running: within == nil ? [] : [actorJob(within: within)],
            ended: []
        )
    }

    @Test(
        "an actor that holds the only thread past the threshold starves it, task after task, and its time is not lost"
    )
    func starving() {
        // The counters that the driver checks at each look must not fall when the actor goes to its next task.
        let tasks = [300.0, 250] + Array(repeating: 1, count: 100)
        let driver = run([drain(at: 60, tasks), SimulatedJob(130, length: 1)], until: 2_000, width: 1)
        #expect(driver.reports(.stall).map(\.state) == [.begun, .ongoing, .ongoing, .ended])
        #expect(driver.reports(.stall).last?.durationNanoseconds == .milliseconds(580))
        #expect(driver.reports(.hold).isEmpty, "the starvation tells of it")
        let held = driver.counters(at: driver.now)[0]
        #expect(held.stallDuration.count == 2)
        #expect(abs(held.blockedNanoseconds - .milliseconds(550)) <= .milliseconds(30))
    }

    // MARK: The main actor

    @Test("the main actor is told of once it has ended a job, as a loop that is blocked")
    func mainActor() {
        let jobs = [
            SimulatedJob(10, length: 5, lane: .main), SimulatedJob(50, length: 250, lane: .main, work: .computing),
            SimulatedJob(60, length: 1, lane: .main),
        ]
        let driver = run(jobs, until: 1_000)
        let reports = driver.ofMainActor
        #expect(driver.drafts == reports)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
        #expect(reports.allSatisfy { $0.kind == .stall && $0.began == at(50) && $0.pool?.lane == .main })
        #expect(reports.first?.until == at(150) && reports.last?.until == at(300))
        #expect(reports.last?.cause == .cpu && reports.last?.pool?.width == 1)
        let counters = driver.counters(at: driver.now)
        #expect(counters[2].stallDuration.count == 1 && counters[2].finishedStallNanoseconds == .milliseconds(250))
        #expect(counters[0].stallDuration.count == 0 && counters[1].stallDuration.count == 0)
        #expect(driver.detector.isMainActorServed)
    }

    @Test("a main actor that has not ended a job may never do, and nothing is said of it")
    func mainActorNotServed() {
        let jobs = [SimulatedJob(10, length: 100_000, lane: .main), SimulatedJob(60, length: 1, lane: .main)]
        let driver = run(jobs, until: 5_000)
        #expect(driver.drafts.isEmpty && !driver.detector.isMainActorServed)
        #expect(driver.counters(at: driver.now)[2].blockedNanoseconds == 0)
    }

    @Test("a job of the main actor that runs others within, as one does that runs the main queue, serves it")
    func mainActorWithin() {
        var detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2, reading: reading(at: 0))
        var said: [ReportDraft] = []
        func job(_ began: Double) -> Job {
            let identity = JobIdentity(slot: 1, startTicks: UInt64(began) + 1)
            return Job(identity: identity, thread: 11, began: at(began), lane: .main)
        }
        func look(_ now: Double, started: UInt64, last: Double, _ running: [Job], _ ended: [JobReading.Ended] = []) {
            var reading = JobReading(
                instant: at(now),
                lanes: JobLane.allCases.map { _ in JobReading.Lane() },
                running: running,
                ended: ended
            )
            reading.lanes[JobLane.main.rawValue] = JobReading.Lane(
                enqueued: started,
                started: started,
                lastStart: at(last)
            )
            said += detector.looked(reading, observations: [:], interruptions: InterruptionLog()).map(\.draft)
        }
        look(60, started: 2, last: 10, [job(10)])
        look(150, started: 3, last: 140, [job(140), job(10)])
        look(250, started: 4, last: 160, [job(10)])
        look(600, started: 4, last: 160, [job(10)])
        #expect(said.isEmpty, "\(said)")
        // One that runs within is told of if it is long.
        look(720, started: 5, last: 610, [job(610), job(10)])
        #expect(said.map(\.state) == [.begun] && said.last?.began == at(610), "\(said)")
        look(800, started: 5, last: 610, [job(10)], [JobReading.Ended(job: job(610), ended: at(790))])
        look(900, started: 6, last: 890, [], [JobReading.Ended(job: job(10), ended: at(880))])
        #expect(said.map(\.state) == [.begun, .ended] && said.last?.durationNanoseconds == .milliseconds(180))
    }

    @Test("jobs of other queues are neither the pool's nor the main actor's")
    func queues() {
        let jobs = [SimulatedJob(10, length: 400, lane: .queue), SimulatedJob(20, length: 400, lane: .queue)]
        #expect(run(jobs, until: 1_000, width: 1).drafts.isEmpty)
    }

    // MARK: Quiet

    @Test("an idle pool asks for one look in a threshold, and short jobs now and then for at most two")
    func quiet() {
        let idle = run([], until: 10_000)
        #expect((50...101).contains(idle.looks.count))
        let calm = run((0..<100).map { SimulatedJob(Double($0) * 100 + 3, length: 1) }, until: 10_000)
        #expect((50...201).contains(calm.looks.count))
    }
}
