// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import Loopwatch

extension Live {
    @Suite("What is told, and what is counted")
    struct ReportingTests {
        @Test(
            "of many blocks in short order only the first are written, the rest are told of later and all are counted"
        )
        func rateLimit() throws {
            try withLoops([.poll]) { loops in
                try withWatch({
                    $0.reportBurst = 3
                    $0.thresholds = Thresholds(warning: .milliseconds(5), error: .seconds(60), critical: .seconds(600))
                    $0.resolution = .milliseconds(1)
                }) { watch, recorder in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    for number in 1...50 {
                        let hold = Hold(.sleeping)
                        defer { hold.release() }
                        loops[0].execute { hold.run() }
                        try watch.waitUntilTold("one", "block \(number)")
                        hold.release()
                        try eventually("block \(number) is counted") {
                            try watch.statistics(of: "one").stallDuration.count >= number
                        }
                    }
                    // Reports follow what is counted, for as long as it takes to find the names of code.
                    try recorder.wait(for: "the last report that is written") { $0.stall >= 3 && $0.state == .ended }
                    let began = Clock.now()
                    let statistics = try watch.statistics(of: "one")
                    #expect(statistics.stallDuration.count >= 50)
                    #expect(statistics.stallsBySeverity[0] == statistics.stallDuration.count)
                    let written = Set(recorder.reports.map(\.stall)).count
                    // One more a second for each cause, and blocks end under one of a few causes.
                    #expect(written < 30, "\(recorder.lines)")
                    #expect(written >= 3)
                    try eventually("some are kept back") {
                        (watch.metric("loopwatch_warnings_suppressed_total") ?? 0) > 0
                    }
                    // Later, one tells how many were kept back.
                    try eventually("a report that tells of the suppressed ones") {
                        let hold = Hold(.sleeping)
                        loops[0].execute { hold.run() }
                        try watch.waitUntilTold("one", "a block")
                        hold.release()
                        try eventually("it ends") { hold.hasEnded }
                        return recorder.lines.contains { $0.contains(" suppressed=") }
                    }
                    #expect(Clock.now() > began)
                }
            }
        }

        @Test("of very many blocks in a second only some are captured, and all are counted")
        func captureBudget() throws {
            try withLoops(.init(repeating: .poll, count: 48)) { loops in
                try withWatch({
                    $0.reportBurst = 10_000
                    $0.thresholds = Thresholds(warning: .milliseconds(5), error: .seconds(60), critical: .seconds(600))
                    $0.resolution = .milliseconds(1)
                }) { watch, recorder in
                    let names = loops.indices.map { "loop-\($0)" }
                    for (name, loop) in zip(names, loops) { watch.add(loop.target(name)) }
                    try watch.waitUntilAnswered(names)
                    var rounds = 0
                    try eventually("some are not captured") {
                        rounds += 1
                        let holds = loops.map { _ in Hold(.sleeping) }
                        defer { for hold in holds { hold.release() } }
                        for (hold, loop) in zip(holds, loops) { loop.execute { hold.run() } }
                        for name in names { try watch.waitUntilTold(name, "block \(rounds) of \(name)") }
                        for hold in holds { hold.release() }
                        for name in names {
                            try eventually("block \(rounds) of \(name) is counted") {
                                try watch.statistics(of: name).stallDuration.count >= rounds
                            }
                        }
                        return recorder.reports.contains {
                            $0.stackOmitted?.contains("reports in a second") == true
                        }
                    }
                    let leftOut = watch.metric(#"loopwatch_stack_captures_omitted_total{reason="limit"}"#)
                    #expect(leftOut ?? 0 > 0)
                    // The ends of the first are told once the names of their code have been read.
                    try eventually("others are") { recorder.reports.contains { $0.stack?.blamed != nil } }
                }
            }
        }

        @Test("counters never go down, for two that scrape in turns, while blocks come and go")
        func monotonous() throws {
            try withLoops { loops in
                try withWatch({
                    $0.thresholds = Thresholds(warning: .milliseconds(20))
                }) { watch, _ in
                    watch.add(loops[0].target("one"))
                    watch.add(loops[1].target("two"))
                    try watch.waitUntilAnswered(["one", "two"])
                    var latest: [Substring: Double] = [:]
                    for round in 0..<8 {
                        let holds = [Hold(.sleeping), Hold(.computing)]
                        defer { for hold in holds { hold.release() } }
                        loops[0].execute { holds[0].run() }
                        loops[1].execute { holds[1].run() }
                        try eventually("both are blocked in round \(round)") {
                            compare(watch.metrics(), &latest)
                            return try watch.statistics(of: "one").currentStallNanoseconds != nil
                                && watch.statistics(of: "two").currentStallNanoseconds != nil
                        }
                        for _ in 0..<5 { compare(watch.metrics(), &latest) }
                        for hold in holds { hold.release() }
                        try eventually("both are free in round \(round)") {
                            compare(watch.metrics(), &latest)
                            return try watch.statistics(of: "one").currentStallNanoseconds == nil
                                && watch.statistics(of: "two").currentStallNanoseconds == nil
                        }
                    }
                }
            }
        }

        @Test("a block that ended before it was last told to go on does not take counted time back")
        func endBeforeTold() {
            let policy = DetectionPolicy(
                resolutionNanoseconds: 10_000_000,
                thresholds: Thresholds(warning: .milliseconds(100))
            )
            func at(_ milliseconds: Int64) -> MonotonicInstant {
                MonotonicInstant(nanoseconds: milliseconds * 1_000_000)
            }
            var detector = StallDetector(policy: policy, now: at(0))
            detector.beatPosted(at: at(0))
            for time in stride(from: Int64(10), through: 200, by: 10) {
                _ = detector.looked(Observation(instant: at(time), progress: .busy), interruptions: InterruptionLog())
            }
            func blocked(_ time: Int64) -> Int64 {
                detector.statistics(at: at(time), unixNanoseconds: 0, interruptions: InterruptionLog())
                    .blockedNanoseconds
            }
            let during = blocked(209)
            #expect(during > 100_000_000)
            _ = detector.beatRan(at: at(201), posted: at(0), interruptions: InterruptionLog())
            #expect(blocked(210) >= during)
            #expect(blocked(1_000) < during + 10_000_000)
        }

        private func compare(_ exposition: String, _ latest: inout [Substring: Double]) {
            for line in exposition.split(separator: "\n") where !line.hasPrefix("#") {
                guard let space = line.lastIndex(of: " ") else { continue }
                let series = line[..<space]
                let name = series.prefix { $0 != "{" }
                guard name.hasSuffix("_total") || name.hasSuffix("_bucket") || name.hasSuffix("_count") else {
                    continue
                }
                let value = Double(line[line.index(after: space)...]) ?? .nan
                #expect(value >= latest[series] ?? 0, "\(series)")
                latest[series] = value
            }
        }
    }
}
