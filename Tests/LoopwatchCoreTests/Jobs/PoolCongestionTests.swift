// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Very many short jobs: late, and not blocked.
@Suite("Congested priorities")
struct PoolCongestionTests {
    private func run(_ jobs: [SimulatedJob], until end: Double) -> JobPoolDriver {
        var driver = JobPoolDriver(SimulatedPool(jobs))
        driver.run(until: end)
        return driver
    }

    @Test("a flood of short jobs is one congestion, and no stall")
    func flood() throws {
        // 2,000 jobs of 1 ms for two threads: the last waits for a second.
        let driver = run((0..<2_000).map { _ in SimulatedJob(30, length: 1) }, until: 3_000)
        #expect(driver.reports(.stall).isEmpty && driver.reports(.hold).isEmpty)
        let reports = driver.reports(.congestion)
        #expect(reports.map(\.state) == [.begun, .ongoing, .ongoing, .ongoing, .ended])
        let begun = try #require(reports.first)
        #expect(reports.allSatisfy { $0.cause == .congestion && $0.pool?.kind == .congested })
        #expect(reports.allSatisfy { $0.episode == begun.episode && $0.began == begun.began })
        // Told within two looks at an active pool, of jobs that came together.
        #expect(abs(begun.began.nanoseconds - .milliseconds(30)) <= .milliseconds(50))
        #expect(begun.until.nanoseconds <= .milliseconds(230))
        #expect((begun.pool?.waiting ?? 0) > 1_500)
        let end = reports.last?.until.nanoseconds ?? 0
        #expect((.milliseconds(930)...(.milliseconds(1_080))).contains(end), "as long as jobs waited long")
        let counters = driver.counters(at: driver.now)[1]
        #expect(counters.congestions == 1 && counters.stallDuration.count == 0 && counters.blockedNanoseconds == 0)
        #expect(counters.congestedNanoseconds == reports.last?.durationNanoseconds)
    }

    @Test("a flood that goes on is counted while it does")
    func current() {
        var driver = JobPoolDriver(SimulatedPool((0..<2_000).map { _ in SimulatedJob(30, length: 1) }))
        driver.run(until: 600)
        #expect(driver.counters(at: driver.now)[1].congestedNanoseconds > .milliseconds(400))
        #expect(driver.counters(at: driver.now)[1].congestions == 0)
        driver.finish()
        #expect(driver.drafts.last?.state == .ended)
        #expect(driver.counters(at: driver.now)[1].congestions == 1)
    }

    @Test("a pool that is busy all the time without anything waiting long is not late")
    func busy() {
        let jobs = (0..<2_000).map { SimulatedJob(Double($0 / 2), length: 1) }
        #expect(run(jobs, until: 2_000).drafts.isEmpty)
    }

    @Test("what has waited because all threads were held is worked off without being called a congestion")
    func afterStarvation() {
        let held = [SimulatedJob(10, length: 500), SimulatedJob(10, length: 500)]
        // 80 ms of work for two threads, then 400 ms of it.
        for (count, expected) in [(160, 0), (800, 1)] {
            let driver = run(held + (0..<count).map { _ in SimulatedJob(20, length: 1) }, until: 2_000)
            #expect(driver.reports(.stall).map(\.state) == [.begun, .ongoing, .ongoing, .ended])
            #expect(driver.reports(.stall).last?.until == at(510))
            let late = driver.reports(.congestion)
            #expect(late.count { $0.state == .ended } == expected)
            #expect(late.allSatisfy { $0.began >= at(510) })
        }
    }

    @Test("a starvation within a congestion is told as one")
    func starvationWithin() {
        let flood = (0..<600).map { _ in SimulatedJob(30, length: 1) }
        let held = [SimulatedJob(30, length: 400), SimulatedJob(30, length: 400)]
        let driver = run(flood + held + flood, until: 3_000)
        let stalls = driver.reports(.stall)
        #expect(stalls.map(\.state) == [.begun, .ongoing, .ended])
        #expect(stalls.last?.began == at(330) && stalls.last?.durationNanoseconds == .milliseconds(400))
        let late = driver.reports(.congestion)
        #expect(late.first?.state == .begun && late.last?.state == .ended)
        #expect(late.count { $0.state == .ended } == 1)
    }
}
