// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Jobs that hold their thread.
@Suite("Held threads")
struct HeldThreadTests {
    private func run(_ jobs: [SimulatedJob], until end: Double, longNanoseconds: Int64? = 50_000_000) -> JobPoolDriver {
        var driver = JobPoolDriver(SimulatedPool(jobs, longNanoseconds: longNanoseconds))
        driver.run(until: end)
        return driver
    }

    @Test("a held thread is told at the threshold, at 2, 4 and 8 times that, and exactly at its end")
    func held() {
        let driver = run([SimulatedJob(33, length: 950)], until: 2_000)
        let reports = driver.reports(.hold)
        #expect(driver.drafts == reports)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ongoing, .ongoing, .ended])
        #expect(reports.dropLast().map { $0.until.nanoseconds } == [133, 233, 433, 833].map { .milliseconds($0) })
        #expect(reports.last?.until == at(983) && reports.last?.durationNanoseconds == .milliseconds(950))
        #expect(reports.allSatisfy { $0.began == at(33) && $0.episode == 1 && $0.interruptedNanoseconds == 0 })
        #expect(reports.map(\.severity) == Array(repeating: .warning, count: 5))
        let finding = reports.last?.pool
        #expect(finding?.kind == .heldThread && finding?.lane == .medium)
        #expect(finding?.held == 1 && finding?.width == 2 && finding?.waiting == 0)
        #expect(finding?.holders.map(\.began) == [at(33)])
        #expect(reports.allSatisfy { $0.thread == finding?.holders.first?.thread })
        let counters = driver.counters(at: .milliseconds(2_000))
        #expect(counters[0].stallDuration.count == 1 && counters[0].finishedStallNanoseconds == .milliseconds(950))
        #expect(counters[0].latestStallBeganUnixNanoseconds == .milliseconds(33))
        #expect(counters[0].currentStallNanoseconds == nil)
        #expect(counters[1].stallDuration.count == 0, "no job waited")
    }

    @Test("the severity follows the length")
    func severity() {
        let reports = run([SimulatedJob(1, length: 6_000)], until: 7_000).reports(.hold)
        #expect(reports.last?.severity == .critical)
        #expect(reports.first { $0.durationNanoseconds >= .milliseconds(1_000) }?.severity == .error)
    }

    @Test("what is held now is told while it is held, also as counters")
    func current() {
        var driver = JobPoolDriver(SimulatedPool([SimulatedJob(5, length: 400), SimulatedJob(6, length: 150)]))
        driver.run(until: 130)
        let now = driver.now
        let held = driver.detector.heldLong(at: at(130), interruptions: InterruptionLog())
        #expect(held.map(\.began) == [at(5), at(6)], "the longest first")
        let counters = driver.counters(at: .milliseconds(130))[0]
        #expect(counters.currentStallNanoseconds == .milliseconds(125))
        #expect(counters.blockedNanoseconds == 2 * now - .milliseconds(11))
        driver.run(until: 300)
        #expect(driver.detector.heldLong(at: at(300), interruptions: InterruptionLog()).map(\.began) == [at(5)])
    }

    @Test("a long job that began and ended between two looks is told")
    func betweenLooks() {
        // An idle pool is looked at once a threshold, at 100 and 200.
        let driver = run([SimulatedJob(101, length: 100)], until: 1_000)
        #expect(
            driver.reports(.hold).map(\.state) == [.ended] || driver.reports(.hold).map(\.state) == [.begun, .ended]
        )
        #expect(driver.reports(.hold).last?.durationNanoseconds == .milliseconds(100))

        var detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2, reading: reading(at: 0))
        let job = Job(identity: JobIdentity(slot: 1, startTicks: 7), thread: 11, began: at(10), lane: .high)
        let ended = JobReading.Ended(job: job, ended: at(460))
        let said = detector.looked(
            reading(at: 500, ended: [ended]),
            observations: [:],
            interruptions: InterruptionLog()
        )
        #expect(said.map(\.draft.state) == [.ended])
        #expect(said.first?.draft.durationNanoseconds == .milliseconds(450))
        #expect(said.first?.draft.pool?.lane == .high && said.first?.draft.cause == .unknown)
    }

    /// A reading without counters.
    private func reading(at milliseconds: Double, running: [Job] = [], ended: [JobReading.Ended] = []) -> JobReading {
        JobReading(
            instant: at(milliseconds),
            lanes: JobLane.allCases.map { _ in JobReading.Lane() },
            running: running,
            ended: ended
        )
    }

    @Test("a job that runs another within holds its thread once, with both", arguments: [JobLane.medium, .high])
    func nested(_ lane: JobLane) {
        var detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2, reading: reading(at: 0))
        let outer = Job(identity: JobIdentity(slot: 1, startTicks: 7), thread: 11, began: at(10), lane: .medium)
        let inner = Job(identity: JobIdentity(slot: 1, startTicks: 9), thread: 11, began: at(130), lane: lane)
        var said: [ReportDraft] = []
        func look(_ reading: JobReading) {
            said += detector.looked(reading, observations: [:], interruptions: InterruptionLog()).map(\.draft)
        }
        look(reading(at: 60, running: [outer]))
        look(reading(at: 110, running: [outer]))
        for milliseconds in [140, 190, 240, 390] as [Double] {
            // In the order in which they are read.
            look(reading(at: milliseconds, running: [inner, outer]))
            let held = detector.heldLong(at: at(milliseconds), interruptions: InterruptionLog())
            #expect(held == [outer])
        }
        look(reading(at: 400, running: [outer], ended: [JobReading.Ended(job: inner, ended: at(395))]))
        look(reading(at: 500, ended: [JobReading.Ended(job: outer, ended: at(450))]))
        #expect(said.map(\.state) == [.begun, .ongoing, .ended])
        #expect(Set(said.map(\.episode)).count == 1 && said.last?.durationNanoseconds == .milliseconds(440))
        // Both end between two looks.
        look(
            reading(
                at: 900,
                ended: [JobReading.Ended(job: inner, ended: at(395)), JobReading.Ended(job: outer, ended: at(450))]
            )
        )
        #expect(said.count == 4 && said.last?.pool?.holders == [outer])
        // One that begins when another has ended is not within it.
        let next = Job(identity: JobIdentity(slot: 1, startTicks: 11), thread: 11, began: at(910), lane: lane)
        look(reading(at: 1_020, running: [next]))
        #expect(said.count == 5)
    }

    @Test("short jobs say nothing, however many, and however often they are looked at")
    func short() {
        let jobs = (0..<400).map { SimulatedJob(Double($0) * 5, length: $0 % 40 == 7 ? 99.9 : 4) }
        let driver = run(
            jobs.filter { $0.length < 90_000_000 || $0.enqueued % 200_000_000 == 35_000_000 },
            until: 3_000
        )
        #expect(driver.drafts.isEmpty)
        #expect(driver.counters(at: driver.now)[0].blockedNanoseconds == 0)
    }

    @Test("a job that is half way to the threshold is looked at, and none before")
    func wanted() {
        // The first one has the pool looked at more often before the others come.
        let jobs = [SimulatedJob(95, length: 10), SimulatedJob(130, length: 300), SimulatedJob(130, length: 45)]
        let driver = run(jobs, until: 500)
        let first = driver.looks.indices.first { driver.wanted[$0] > 0 }
        #expect(first.map { driver.looks[$0] } == .milliseconds(180))
        #expect(driver.wanted.max() == 1)
        #expect(driver.looks.contains(.milliseconds(230)), "when the threshold is crossed")
    }

    @Test(
        "the cause is what the thread was seen to do",
        arguments: [
            (.sleeping, .syscall("clock_nanosleep")), (.computing, .cpu), (.locked, .lock), (.displaced, .runqueue),
        ] as [(SimulatedJob.Work, Cause)]
    )
    func cause(_ work: SimulatedJob.Work, _ cause: Cause) {
        let reports = run([SimulatedJob(10, length: 500, work: work)], until: 1_000).reports(.hold)
        #expect(reports.map(\.cause) == Array(repeating: cause, count: 4))
        #expect(reports.last?.cpuShare == (work == .computing ? 1 : 0))
    }

    @Test("a held thread of which nothing is remembered ends between the looks around its end")
    func forgotten() {
        let driver = run([SimulatedJob(10, length: 237)], until: 1_000, longNanoseconds: nil)
        let reports = driver.reports(.hold)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ended])
        #expect(abs((reports.last?.durationNanoseconds ?? 0) - .milliseconds(237)) <= .milliseconds(5))
    }

    @Test("each thread of several has its own report")
    func several() {
        let jobs = JobLane.ofPool.flatMap {
            [SimulatedJob(3, length: 210, lane: $0), SimulatedJob(9, length: 120, lane: $0)]
        }
        let driver = run(jobs, until: 1_000)
        for lane in JobLane.ofPool {
            let ended = driver.reports(.hold, lane).filter { $0.state == .ended }
            #expect(ended.map(\.durationNanoseconds) == [.milliseconds(120), .milliseconds(210)])
        }
        #expect(Set(driver.drafts.map(\.episode)).count == 12)
    }

    @Test("what goes on when the watch ends is told and counted")
    func finish() {
        var driver = JobPoolDriver(SimulatedPool([SimulatedJob(3, length: 500), SimulatedJob(150, length: 500)]))
        driver.run(until: 200)
        driver.finish()
        #expect(driver.drafts.map(\.state) == [.begun, .ended], "the second was not past the threshold")
        #expect(driver.drafts.last?.durationNanoseconds == driver.now - .milliseconds(3))
    }

    @Test("a time in which the whole process stood still is not laid on the job")
    func interrupted() {
        var driver = JobPoolDriver(SimulatedPool([SimulatedJob(10, length: 590), SimulatedJob(10, length: 700)]))
        driver.pauses = [.milliseconds(100)...(.milliseconds(600))]
        driver.run(until: 2_000)
        let reports = driver.reports(.hold)
        // The first ran for 90 ms, the second for 200.
        #expect(driver.drafts == reports && reports.map(\.state) == [.begun, .ended])
        #expect(reports.first?.until == at(610))
        #expect(reports.last?.durationNanoseconds == .milliseconds(200))
        #expect(reports.last?.interruptedNanoseconds == .milliseconds(500))
    }

    @Test("more jobs than are watched are not told again and again")
    func limit() {
        let jobs = (0..<Limits.jobsHeld + 50).map { number in
            Job(
                identity: JobIdentity(slot: UInt32(number), startTicks: 1),
                thread: Int32(number),
                began: at(1),
                lane: .medium
            )
        }
        var detector = JobPoolDetector(policy: JobPoolDriver.policy(), width: 2_000, reading: reading(at: 0))
        var said: [JobPoolDetector.Said] = []
        for milliseconds in [60, 101, 111, 121, 131] as [Double] {
            said += detector.looked(
                reading(at: milliseconds, running: jobs),
                observations: [:],
                interruptions: InterruptionLog()
            )
        }
        #expect(said.count == Limits.jobsHeld)
        #expect(said.allSatisfy { $0.draft.state == .begun })
        #expect(detector.heldLong(at: at(131), interruptions: InterruptionLog()).count == Limits.jobsHeld)
    }
}
