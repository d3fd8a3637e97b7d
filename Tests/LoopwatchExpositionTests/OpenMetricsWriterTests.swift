// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("OpenMetrics 1.0.0")
struct OpenMetricsWriterTests {
    @Test("the whole exposition is as it was agreed")
    func golden() throws {
        var bytes: [UInt8] = []
        OpenMetricsWriter.write(Snapshots.rich(), into: &bytes)
        try Fixture.expect(bytes, toEqual: "golden-openmetrics.txt")
    }

    @Test("the exposition of a watch that has done nothing yet is valid")
    func empty() throws {
        var bytes: [UInt8] = []
        OpenMetricsWriter.write(Snapshots.empty(), into: &bytes)
        _ = try OpenMetricsValidator.parse(bytes, isStrict: true)
    }

    @Test("exemplars name the warning, its value and its time, and stand on buckets of lag and of durations only")
    func exemplars() throws {
        var bytes: [UInt8] = []
        OpenMetricsWriter.write(Snapshots.rich(), into: &bytes)
        let families = try OpenMetricsValidator.parse(bytes, isStrict: true)
        let samples = families.flatMap(\.samples).filter { $0.exemplar != nil }
        let names: Set = [
            "loopwatch_loop_lag_seconds_bucket", "loopwatch_loop_block_duration_seconds_bucket",
            "loopwatch_pool_queue_wait_seconds_bucket", "loopwatch_pool_block_duration_seconds_bucket",
            "loopwatch_pool_hold_duration_seconds_bucket",
        ]
        #expect(Set(samples.map(\.name)) == names)
        let sample = samples.first { $0.labels["le"] == "2.5" }
        #expect(sample?.exemplar?.labels == ["warning_id": "118"])
        #expect(sample?.exemplar?.value == 1.532)
        #expect(sample?.exemplar?.timestamp == 1_795_376_089.924)
    }

    @Test("an exemplar stands on the bucket of its own value, whatever was observed with it")
    func foreignExemplar() throws {
        var snapshot = Snapshots.empty()
        var statistics = Snapshots.fresh()
        let exemplar = Histogram.Exemplar(warning: 1, nanoseconds: 9_000_000_000, unixNanoseconds: 1)
        statistics.lag.observe(nanoseconds: 1_000, exemplar: exemplar)
        snapshot.loops = [LoopSnapshot(name: "main", statistics: statistics)]
        var bytes: [UInt8] = []
        OpenMetricsWriter.write(snapshot, into: &bytes)
        let families = try OpenMetricsValidator.parse(bytes, isStrict: true)
        let samples = families.flatMap(\.samples).filter { $0.exemplar != nil }
        #expect(samples.map { $0.labels["le"] } == ["10.0"])
    }

    @Test("a negative counter, which would make the whole exposition invalid, is written as zero")
    func negativeCounter() throws {
        var snapshot = Snapshots.rich()
        snapshot.loops[0].statistics.finishedStallNanoseconds = -5_000_000_000
        snapshot.loops[0].statistics.congestedNanoseconds = .min
        var bytes: [UInt8] = []
        OpenMetricsWriter.write(snapshot, into: &bytes)
        _ = try OpenMetricsValidator.parse(bytes, isStrict: true)
    }
}
