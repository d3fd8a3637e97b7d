// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

/// Thousands of blocks of random length at random times: none is missed, none is made up.
@Suite("Stall detector over many blocks")
struct StallDetectorPropertyTests {
    /// What is watched, and how well.
    struct Case: Sendable, CustomTestStringConvertible {
        /// How it appears in the test's output.
        var testDescription: String
        /// How much a look tells.
        var evidence: SimulatedLoop.Evidence
        /// What the blocks do.
        var work: [SimulatedLoop.Work]
        /// Resolution in milliseconds.
        var resolution: Double = 10
        /// Threshold in milliseconds.
        var threshold: Double = 100
        /// By how much the beginning of a block may be misjudged, in milliseconds.
        var tolerance: Double
        /// By how much the mean may be.
        var meanTolerance = 1.0
        /// By how much longer than the resolution it is from look to look while the loop answers.
        var stretch = 1.0

        /// The policy.
        var policy: DetectionPolicy {
            DetectionPolicy(
                resolutionNanoseconds: .milliseconds(resolution),
                thresholds: Thresholds(warning: .nanoseconds(Int64.milliseconds(threshold)))
            )
        }
    }

    static let cases = [
        Case(
            testDescription: "a loop with a thread",
            evidence: .thread,
            work: [.sleeping, .computing, .sleepingLater],
            tolerance: 1
        ),
        Case(testDescription: "beats only", evidence: .beats, work: [.sleeping], tolerance: 5.1, meanTolerance: 1.8),
        Case(
            testDescription: "beats only, finest",
            evidence: .beats,
            work: [.sleeping],
            resolution: 1,
            threshold: 5,
            tolerance: 0.6
        ),
        Case(
            testDescription: "a loop with a thread, finest",
            evidence: .thread,
            work: [.sleeping, .computing],
            resolution: 1,
            threshold: 5,
            tolerance: 0.6
        ),
        Case(
            testDescription: "a threshold below the resolution",
            evidence: .thread,
            work: [.sleeping, .computing],
            resolution: 10,
            threshold: 5,
            tolerance: 2.5
        ),
        Case(
            testDescription: "a loop with a thread, looked at less often",
            evidence: .thread,
            work: [.sleeping, .computing, .sleepingLater],
            tolerance: 1,
            stretch: 5
        ),
        Case(
            testDescription: "beats only, looked at less often",
            evidence: .beats,
            work: [.sleeping],
            tolerance: 20.1,
            meanTolerance: 7,
            stretch: 5
        ),
        Case(
            testDescription: "a threshold of two resolutions",
            evidence: .thread,
            work: [.sleeping, .computing, .sleepingLater],
            resolution: 10,
            threshold: 20,
            tolerance: 1
        ),
        Case(
            testDescription: "a threshold below the resolution, beats only",
            evidence: .beats,
            work: [.sleeping],
            resolution: 10,
            threshold: 5,
            tolerance: 1.3
        ),
        // A quiet process is asked three quarters of a threshold apart, and the middle of that is the estimate.
        Case(
            testDescription: "beats only in a quiet process",
            evidence: .quietBeats,
            work: [.sleeping],
            tolerance: 38,
            meanTolerance: 12
        ),
        Case(
            testDescription: "a pool by beats in a quiet process",
            evidence: .quietPool,
            work: [.sleeping],
            tolerance: 1
        ),
        Case(
            testDescription: "a pool by beats in a quiet process, looked at less often",
            evidence: .quietPool,
            work: [.sleeping],
            tolerance: 1,
            stretch: 5
        ),
        // The beginning of a job that sleeps again and again is extrapolated from its rhythm, roughly.
        Case(
            testDescription: "blocks of many sleeps",
            evidence: .thread,
            work: [.alternating],
            tolerance: 55,
            meanTolerance: 20
        ),
    ]

    @Test("every block is reported once, as soon and as long as it is, and nothing else is", arguments: cases)
    func blocks(_ watched: Case) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let blocks = Self.blocks(250, watched, &generator)
        var driver = DetectorDriver(SimulatedLoop(jobs: blocks, evidence: watched.evidence), policy: watched.policy)
        driver.detector.stretch = watched.stretch
        driver.run(until: blocks[blocks.count - 1].end + .milliseconds(watched.threshold * 3), checking: &generator)
        var errors: [Double] = []
        var reports = driver.reports[...]
        for (index, block) in blocks.enumerated() {
            // The end is known when a beat runs, which takes some time to wake the thread, or when the loop is seen to wait.
            let mine = reports.prefix { $0.until.nanoseconds <= block.end + 100_000 }
            reports = reports.dropFirst(mine.count)
            // What jobs did that nobody saw, because they ran while the loop was held to be idle, is laid on the next.
            let near = blocks[..<index].reversed().prefix { block.begin - $0.end < watched.policy.idleNanoseconds }
            let unseen = min(near.map(\.mistakable).reduce(0, +), watched.policy.idleNanoseconds)
            let tolerance = Int64.milliseconds(watched.tolerance) + unseen
            check(mine, of: block, watched, tolerance: tolerance, seed: seed)
            if let ended = mine.last, unseen == 0, block.length >= .milliseconds(watched.threshold + watched.tolerance)
            {
                errors.append(Double(ended.durationNanoseconds - block.length) / 1e6)
            }
        }
        #expect(reports.isEmpty, "seed \(seed)")
        let mean = errors.reduce(0, +) / Double(errors.count)
        #expect(abs(mean) <= watched.meanTolerance, "mean error \(mean) ms of \(errors.count), seed \(seed)")
        let counters = driver.counters
        #expect(counters.stallDuration.count == driver.reports.count { $0.state == .ended }, "seed \(seed)")
        #expect(counters.currentStallNanoseconds == nil && counters.congestions == 0)
    }

    private func check(
        _ reports: ArraySlice<ReportDraft>,
        of block: SimulatedLoop.Job,
        _ watched: Case,
        tolerance: Int64,
        seed: UInt64
    ) {
        let threshold = Int64.milliseconds(watched.threshold)
        var problems: [String] = []
        func expect(_ isRight: Bool, _ what: String) { if !isRight { problems.append(what) } }
        defer {
            if !problems.isEmpty { Issue.record("\(problems): \(block), reports \(Array(reports)), seed \(seed)") }
        }
        guard let ended = reports.last, let begun = reports.first else {
            return expect(block.length < threshold + tolerance, "missed")
        }
        expect(block.length >= threshold - tolerance, "made up")
        expect(ended.state == .ended && reports.count { $0.state == .ended } == 1, "not ended once")
        expect(reports.allSatisfy { $0.kind == .stall && $0.episode == ended.episode }, "not one stall")
        expect(reports.allSatisfy { $0.began == ended.began }, "began twice")
        expect(abs(ended.durationNanoseconds - block.length) <= tolerance, "wrong length")
        let severity = watched.policy.thresholds.severity(ofNanoseconds: ended.durationNanoseconds)
        expect(ended.severity == severity, "wrong severity")
        // A block that ends at its threshold may be over before it could be said to have begun.
        // Whether it is one job at all takes a second look, 2 ms later.
        guard block.length >= threshold + max(tolerance, 2_000_000) else { return }
        expect(begun.state == .begun, "not begun")
        let delay = begun.until.nanoseconds - block.begin - threshold
        expect(abs(delay) <= max(tolerance, 5_000_000), "begun late")
        let later = reports.dropFirst().dropLast()
        expect(later.allSatisfy { $0.state == .ongoing }, "not ongoing")
        for (number, report) in later.enumerated() {
            // At 2, 4, 8 times the threshold, when it is reached.
            let excess = report.durationNanoseconds - (threshold << Int64(number + 1))
            expect((0...1_000_000).contains(excess), "wrong time to go on")
        }
        expect(ended.durationNanoseconds < (threshold << Int64(later.count + 1)) + 1_000_000, "did not go on")
    }

    /// Blocks of up to twelve thresholds, most of them near one, with gaps from half a millisecond on.
    private static func blocks(
        _ count: Int,
        _ watched: Case,
        _ generator: inout SeededGenerator
    ) -> [SimulatedLoop.Job] {
        var now = Int64.milliseconds(5)
        return (0..<count).map { number in
            let longest = number % 10 == 0 ? 12.0 : 1.6
            let length = Double.random(in: 0.2...longest, using: &generator) * watched.threshold
            now += .milliseconds(Double.random(in: 0.5...watched.threshold * 2.5, using: &generator))
            let job = SimulatedLoop.Job(
                begin: now,
                end: now + .milliseconds(length),
                work: watched.work[number % watched.work.count]
            )
            now = job.end
            return job
        }
    }

    @Test("short jobs before a block are not laid on it", arguments: [0.1, 0.5, 0.9], [1.0, 1.7, 5])
    func busyLoop(utilisation: Double, stretch: Double) {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        var jobs: [SimulatedLoop.Job] = []
        var now: Int64 = 0
        for _ in 0..<40 {
            for _ in 0..<Int.random(in: 50...100, using: &generator) {
                let length = Int64.random(in: 200_000...2_000_000, using: &generator)
                jobs.append(SimulatedLoop.Job(begin: now, end: now + length, work: .computing))
                now += length + Int64(Double(length) * (1 / utilisation - 1))
            }
            let length = Int64.milliseconds(Double.random(in: 50...150, using: &generator))
            let work: SimulatedLoop.Work = Bool.random(using: &generator) ? .sleeping : .computing
            jobs.append(SimulatedLoop.Job(begin: now, end: now + length, work: work))
            now += length + 1_000_000
        }
        var driver = DetectorDriver(
            SimulatedLoop(jobs: jobs, evidence: .thread),
            policy: DetectionPolicy(resolutionNanoseconds: 10_000_000, thresholds: Thresholds())
        )
        driver.detector.stretch = stretch
        driver.run(until: now + .milliseconds(100), checking: &generator)
        // Where it is looked at less often, it is known less well when a block began.
        let look = Int64.milliseconds(min(10 * stretch, 40))
        let allEnded = driver.reports.filter { $0.state == .ended }
        for job in jobs where job.length > 2_000_000 {
            let ended = allEnded.filter { abs($0.until.nanoseconds - job.end) < 10_000_000 }
            let isReported = ended.count == 1 || (ended.isEmpty && job.length < 101_000_000 + look)
            let isExact = ended.allSatisfy { abs($0.durationNanoseconds - job.length) <= look + 1_000_000 }
            if !isReported || !isExact { Issue.record("\(job), reports \(ended), seed \(seed)") }
        }
        #expect(driver.counters.stallDuration.count <= jobs.count { $0.length >= 100_000_000 - look }, "seed \(seed)")
    }
}
