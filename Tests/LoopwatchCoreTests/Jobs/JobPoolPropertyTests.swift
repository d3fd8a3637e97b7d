// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

/// Thousands of jobs of random length at random times: no hold and no starvation is missed, and none is made up.
@Suite("Accounted pool over many jobs")
struct JobPoolPropertyTests {
    /// What is watched.
    struct Case: Sendable, CustomTestStringConvertible {
        /// Its seed.
        var seed: UInt64
        /// Threads of each priority.
        var width: Int
        /// Threshold and resolution in milliseconds.
        var threshold: Double
        var resolution: Double
        /// Whether something else takes threads now and then.
        var isTaken = false

        /// How it appears in the test's output.
        var testDescription: String { "seed \(seed), \(width) threads, \(threshold) ms" }
    }

    static let cases = [
        Case(seed: 1, width: 2, threshold: 100, resolution: 10),
        Case(seed: 2, width: 2, threshold: 100, resolution: 10, isTaken: true),
        Case(seed: 3, width: 1, threshold: 20, resolution: 10),
        Case(seed: 4, width: 4, threshold: 100, resolution: 50, isTaken: true),
        Case(seed: .random(in: 5 ... .max), width: 2, threshold: 50, resolution: 5, isTaken: true),
    ]

    @Test("every hold and every starvation is told once and exactly, and nothing else is", arguments: cases)
    func random(_ watched: Case) {
        var generator = SeededGenerator(seed: watched.seed)
        var (jobs, end) = Self.jobs(watched, &generator)
        var taken: [SimulatedSchedule.Taken] = []
        if watched.isTaken {
            taken = (0..<6).map { number in
                let from = Int64(number + 1) * end / 8
                let length = Int64.milliseconds(Double.random(in: 0.3...3, using: &generator) * watched.threshold)
                // Somebody waits at once.
                jobs.append(SimulatedJob(Double(from) / 1e6 + 1, length: 1))
                return .init(lane: .medium, time: from..<from + length, threads: watched.width)
            }
        }
        let pool = SimulatedPool(
            jobs,
            width: watched.width,
            taken: taken,
            longNanoseconds: .milliseconds(watched.threshold / 2)
        )
        var driver = JobPoolDriver(
            pool,
            policy: JobPoolDriver.policy(threshold: watched.threshold, resolution: watched.resolution)
        )
        let last = pool.schedule.jobs.map(\.ended).max() ?? 0
        driver.run(until: Double(last) / 1e6 + watched.threshold * 4)
        let threshold = Int64.milliseconds(watched.threshold)
        // There is something to be found, and to be missed.
        #expect(pool.schedule.jobs.count { $0.length >= threshold } > 20)
        #expect(pool.schedule.waits.joined().count { $0.length >= threshold && $0.isStarvation } > 2)
        #expect(pool.schedule.waits.joined().count { $0.length < threshold } > 20)
        if watched.isTaken { #expect(driver.drafts.contains { $0.pool?.kind == .takenByOthers }) }
        #expect(driver.rests > 0)
        checkEpisodes(driver)
        for lane in JobLane.ofPool {
            checkHolds(driver, lane, watched)
            checkWaits(driver, lane, watched)
        }
    }

    /// Each episode has one beginning at most and one end, and only grows.
    private func checkEpisodes(_ driver: JobPoolDriver) {
        for (number, reports) in Dictionary(grouping: driver.drafts, by: \.episode) {
            let isConsistent =
                reports.last?.state == .ended && reports.count { $0.state == .ended } == 1
                && reports.count { $0.state == .begun } == (reports.count > 1 ? 1 : 0)
                && (reports.count == 1 || reports.first?.state == .begun)
                && zip(reports, reports.dropFirst()).allSatisfy { $0.durationNanoseconds <= $1.durationNanoseconds }
                && Set(reports.map(\.kind)).count == 1 && Set(reports.map(\.began)).count == 1
                && reports.allSatisfy { $0.pool?.lane == reports[0].pool?.lane }
            if !isConsistent { Issue.record("episode \(number): \(reports)") }
        }
    }

    private func checkHolds(_ driver: JobPoolDriver, _ lane: JobLane, _ watched: Case) {
        let threshold = Int64.milliseconds(watched.threshold)
        let long = driver.pool.schedule.lanes[lane.rawValue].filter { $0.length >= threshold }
        let reports = driver.reports(.hold, lane)
        let byJob = Dictionary(grouping: reports) { $0.pool?.holders.first?.identity }
        let stalls = driver.reports(.stall, lane)
        #expect(byJob.count <= long.count)
        var told = 0
        for job in long {
            let mine = byJob[SimulatedPool.identity(of: job)] ?? []
            let waits = driver.pool.schedule.waits[lane.rawValue].filter {
                $0.began < job.ended && $0.ended > job.began
            }
            if let ended = mine.last {
                told += 1
                let isExact =
                    ended.state == .ended && ended.durationNanoseconds == job.length
                    && ended.began.nanoseconds == job.began && ended.until.nanoseconds == job.ended
                if !isExact { Issue.record("\(job), reports \(mine), \(watched.testDescription)") }
            } else if !stalls.contains(where: {
                $0.pool?.kind == .starved && $0.began.nanoseconds < job.ended && $0.until.nanoseconds > job.began
            }) {
                Issue.record("missed: \(job), \(watched.testDescription)")
            }
            // Where no job waited all the while, nothing else could tell of it.
            guard waits.isEmpty, job.length > threshold else { continue }
            if mine.first?.state != .begun || mine.first?.until.nanoseconds != job.began + threshold {
                Issue.record("late: \(job), reports \(mine), \(watched.testDescription)")
            }
        }
        #expect(byJob.count == told, "holds were made up")
    }

    private func checkWaits(_ driver: JobPoolDriver, _ lane: JobLane, _ watched: Case) {
        let threshold = Int64.milliseconds(watched.threshold)
        var ended = driver.reports(.stall, lane).filter { $0.state == .ended }
        for wait in driver.pool.schedule.waits[lane.rawValue] {
            // The reading in which its job came is how well its beginning is known.
            let (look, next) = driver.looks(around: wait.enqueued)
            let tolerance = next > wait.began || wait.enqueued >= wait.began ? next - look : 0
            let index = ended.firstIndex { $0.began.nanoseconds < wait.ended && $0.until.nanoseconds > wait.began }
            guard let index else {
                if wait.length >= threshold + tolerance {
                    Issue.record("missed: \(wait), \(lane), \(watched.testDescription)")
                }
                continue
            }
            let report = ended.remove(at: index)
            // Only of what held its threads is it known when it went; else it is the last job that began.
            let endTolerance = wait.isStarvation ? 0 : driver.policyLookNanoseconds
            let isRight =
                wait.length >= threshold - tolerance
                && abs(report.began.nanoseconds - wait.began) <= tolerance
                && abs(report.until.nanoseconds - wait.ended) <= endTolerance
            if !isRight {
                Issue.record("\(wait), \(lane), tolerance \(tolerance), \(report), \(watched.testDescription)")
            }
        }
        #expect(ended.isEmpty, "stalls were made up, \(watched.testDescription)")
    }

    /// Phases of short jobs, of long ones, of floods and of nothing.
    private static func jobs(_ watched: Case, _ generator: inout SeededGenerator) -> ([SimulatedJob], end: Int64) {
        var jobs: [SimulatedJob] = []
        var now = 3.0
        let lanes: [JobLane] = [.medium, .medium, .high, .background]
        for _ in 0..<60 {
            let lane = lanes.randomElement(using: &generator) ?? .medium
            let works: [SimulatedJob.Work] = [.sleeping, .computing, .locked]
            switch Int.random(in: 0..<5, using: &generator) {
            case 0:
                now += watched.threshold * Double.random(in: 0.5...4, using: &generator)
            case 1:
                for _ in 0..<Int.random(in: 20...120, using: &generator) {
                    let length = Double.random(in: 0.01...2, using: &generator)
                    jobs.append(SimulatedJob(now, length: length, lane: lane, work: .computing))
                    now += Double.random(in: 0...2, using: &generator)
                }
            default:
                let count = Int.random(in: 1...watched.width * 2 + 1, using: &generator)
                for number in 0..<count {
                    let longest = number == 0 ? 5.0 : 1.8
                    let length = Double.random(in: 0.2...longest, using: &generator) * watched.threshold
                    let work = works.randomElement(using: &generator) ?? .sleeping
                    jobs.append(SimulatedJob(now, length: length, lane: lane, work: work))
                    now += Bool.random(using: &generator) ? 0 : Double.random(in: 0...20, using: &generator)
                }
                now += watched.threshold * Double.random(in: 0...2, using: &generator)
            }
        }
        return (jobs, .milliseconds(now))
    }
}
