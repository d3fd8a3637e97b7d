// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Loopwatch
internal import Synchronization

/// Runs cases one after another under one watch; belongs to one thread, which must not be one of those watched.
public final class CorpusRun {
    private let places = Places()
    private let reports = ReportCollector()
    private let watch: Loopwatch

    /// How long a program blocks, in nanoseconds.
    private static let blockNanoseconds: Int64 = 300_000_000
    private static let attemptsMost = 3
    /// From which length on a block is reported.
    static let threshold = Duration.milliseconds(50)

    /// Starts the watch, and waits until every target has answered it.
    ///
    /// - Throws: ``NotPossible`` when they do not.
    public init() throws {
        watch = try Loopwatch.start(reports.configuration(threshold: Self.threshold))
        for target in places.targets { watch.add(target) }
        try Self.waitUntilAnswered(watch, targets: places.targets.count)
    }

    /// Ends the watch.
    public func stop() {
        watch.stop()
        places.stop()
    }

    /// Waits until every target of a watch has answered a beat.
    ///
    /// - Throws: ``NotPossible`` when they do not.
    static func waitUntilAnswered(_ watch: Loopwatch, targets: Int) throws {
        let answered: Bool? = eventually(seconds: 20) {
            let snapshot = watch.snapshot()
            let statistics = snapshot.loops.map(\.statistics) + snapshot.pools.map(\.statistics)
            return statistics.count { $0.lag.count > 0 } == targets ? true : nil
        }
        if answered == nil { throw NotPossible("targets did not answer") }
    }

    /// Runs a case and judges what was said of it.
    ///
    /// A program that computes is run again when it got too little CPU to be looked at, because others had it.
    public func verdict(on example: CorpusCase) -> Verdict {
        var attempts = 0
        while true {
            attempts += 1
            var verdict = attempt(example)
            verdict.attempts = attempts
            let isStarved = example.program.end == .byComputing && verdict.frames.isEmpty
            if !isStarved || verdict.notPossible != nil || attempts == Self.attemptsMost { return verdict }
        }
    }

    private func attempt(_ example: CorpusCase) -> Verdict {
        var verdict = Verdict(
            name: example.program.way,
            place: example.place.rawValue,
            expected: example.expectedFunctions
        )
        do {
            try run(example, &verdict)
        } catch {
            verdict.notPossible = "\(error)"
        }
        return verdict
    }

    private func run(_ example: CorpusCase, _ verdict: inout Verdict) throws {
        reports.clear()
        let count = example.place == .swiftPool ? sysconf(CInt(_SC_NPROCESSORS_ONLN)) : 1
        let programs = try (0..<count).map { _ in try example.program.init(nanoseconds: Self.blockNanoseconds) }
        let began = DispatchSemaphore(value: 0)
        let outcomes = Mutex<[Outcome]>([])
        places.run(programs, at: example.place) {
            began.signal()
        } finished: { outcome in
            outcomes.withLock { $0.append(outcome) }
        }
        for _ in programs { began.wait() }
        let released = Outcome.now(CLOCK_MONOTONIC) + Self.blockNanoseconds
        if example.program.end == .byRelease {
            while true {
                let left = released - Outcome.now(CLOCK_MONOTONIC)
                guard left > 0 else { break }
                usleep(UInt32(left / 1_000 + 1))
            }
            for program in programs { program.release() }
        }
        let all: [Outcome]? = eventually(seconds: 20) {
            outcomes.withLock { $0.count == programs.count ? $0 : nil }
        }
        guard let all else {
            verdict.problems.append("the program did not end")
            return
        }
        judge(all, example, &verdict)
        judgeReports(of: all, example, &verdict)
    }

    /// Whether the calls did what they do without a watch.
    private func judge(_ outcomes: [Outcome], _ example: CorpusCase, _ verdict: inout Verdict) {
        verdict.milliseconds = Double(outcomes.map(\.nanoseconds).max() ?? 0) / 1e6
        for outcome in outcomes {
            if let failure = outcome.failure { verdict.problems.append("the call was disturbed: \(failure)") }
            if outcome.functionsReturned != example.expectedFunctions.count {
                verdict.problems.append("not all functions were called: \(outcome.functionsReturned)")
            }
            // What is ended by release returned what it should, so it was not cut short.
            if example.program.end != .byRelease, outcome.nanoseconds < Self.blockNanoseconds {
                verdict.problems.append("cut short to \(outcome.nanoseconds / 1_000) us")
            }
        }
    }

    private func judgeReports(of outcomes: [Outcome], _ example: CorpusCase, _ verdict: inout Verdict) {
        // A moment at which all of them were blocked.
        let start = outcomes.map(\.beganUnixNanoseconds).max() ?? 0
        let end = outcomes.map(\.endedUnixNanoseconds).min() ?? 0
        let middle = start + (end - start) / 2
        let ended = reports.wait { received in
            let report = received.report
            return report.target == example.place.target && report.state == .ended && report.kind == .stall
                && report.beganUnixNanoseconds <= middle && report.unixNanoseconds >= middle
        }
        guard let ended else {
            verdict.problems.append("no report; there was: \(reports.all.map(\.line))")
            return
        }
        verdict.cause = ended.report.cause.text
        verdict.isCauseRight = example.expectedCauses.contains(verdict.cause)
        let ofStall = reports.all.filter { $0.report.stall == ended.report.stall }
        guard let begun = ofStall.first(where: { $0.report.state == .begun }) else {
            verdict.problems.append("not reported but at the end")
            return
        }
        verdict.millisecondsUntilTold = Double(begun.unixNanoseconds - start) / 1e6
        verdict.isToldInTime = begun.unixNanoseconds < end
        if begun.report.unixNanoseconds >= end { verdict.problems.append("found when it was over") }
        // A thread that computes, and had no CPU just then, is looked at again for the next report.
        let report = ofStall.map(\.report).first { $0.stack != nil } ?? begun.report
        verdict.judge(report.stack, omitted: report.stackOmitted, calledBack: example.program.calledBack)
        if report.stack != nil, ended.report.stack == nil {
            verdict.problems.append("the last report has no stack")
        }
    }
}
