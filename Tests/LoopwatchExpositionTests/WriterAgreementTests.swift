// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("What holds for both formats")
struct WriterAgreementTests {
    /// Writes a snapshot in both formats and reads both with the strict readers.
    private func both(_ snapshot: WatchSnapshot) throws -> (text: [ParsedFamily], openMetrics: [ParsedFamily]) {
        var text: [UInt8] = []
        var openMetrics: [UInt8] = []
        PrometheusTextWriter.write(snapshot, into: &text)
        OpenMetricsWriter.write(snapshot, into: &openMetrics)
        return (
            try PrometheusTextValidator.parse(text), try OpenMetricsValidator.parse(openMetrics, isStrict: true)
        )
    }

    /// The samples without exemplars, which only one format has.
    private func samples(_ families: [ParsedFamily]) -> [ParsedSample] {
        families.flatMap(\.samples).map { sample in
            var sample = sample
            sample.exemplar = nil
            return sample
        }
    }

    @Test("both formats have the same samples with the same texts, in the same order")
    func sameSamples() throws {
        for snapshot in [Snapshots.empty(), Snapshots.rich(), Snapshots.large(loops: 3, pools: 2)] {
            let (text, openMetrics) = try both(snapshot)
            #expect(samples(text) == samples(openMetrics))
        }
    }

    @Test("hostile names come back as they were", arguments: Snapshots.hostileNames)
    func hostileNames(_ name: String) throws {
        var snapshot = Snapshots.rich()
        snapshot.process = name
        snapshot.loops[0].name = name
        snapshot.pools[0].name = name
        snapshot.components = [.init(name: name, isUp: true)]
        snapshot.build.version = name
        snapshot.http?.requests = [.init(handler: name, code: 200, count: 1)]
        snapshot.http?.rejected = [(reason: name, count: 1)]
        let (text, openMetrics) = try both(snapshot)
        for samples in [samples(text), samples(openMetrics)] {
            let loop = samples.first { $0.name == "loopwatch_loop_blocked" }
            #expect(loop.map { Array($0.labels["loop"]?.utf8 ?? "".utf8) } == Array(name.utf8))
            #expect(loop.map { Array($0.labels["process"]?.utf8 ?? "".utf8) } == Array(name.utf8))
            let build = samples.first { $0.name == "loopwatch_build_info" }
            #expect(build?.labels["version"] == name)
        }
        #expect(samples(text) == samples(openMetrics))
    }

    @Test("the default limits of 64 loops and 16 pools stay under 10,000 series")
    func largest() throws {
        let (text, openMetrics) = try both(Snapshots.large(loops: 64, pools: 16))
        let count = samples(text).count
        #expect(count == samples(openMetrics).count)
        #expect((5_000..<10_000).contains(count), "\(count) series")
    }

    @Test("buckets are cumulative and end with the count, for observations anywhere")
    func buckets() throws {
        var snapshot = Snapshots.empty()
        var statistics = Snapshots.fresh()
        var sum: Int64 = 0
        for nanoseconds in [0, 1, 100_000, 100_001, 60_000_000_000, 60_000_000_001, 1 << 50] as [Int64] {
            statistics.lag.observe(nanoseconds: nanoseconds)
            sum += nanoseconds
        }
        snapshot.loops = [LoopSnapshot(name: "main", statistics: statistics)]
        let (text, _) = try both(snapshot)
        let lag = text.first { $0.name == "loopwatch_loop_lag_seconds" }
        let buckets = lag?.samples.filter { $0.name.hasSuffix("_bucket") } ?? []
        #expect(buckets.map { $0.labels["le"] } == HistogramEdges.lag.labels + ["+Inf"])
        #expect(buckets.first?.valueText == "3")
        #expect(buckets.dropLast().last?.valueText == "5")
        #expect(buckets.last?.valueText == "7")
        #expect(lag?.samples.last?.valueText == "7")
        #expect(lag?.samples.dropLast().last?.value == Double(sum) / 1e9)
    }

    @Test("the counters of blocked time and the longest block grow while a block goes on")
    func growing() throws {
        var snapshot = Snapshots.rich()
        func values(_ name: String) throws -> Double {
            let samples = samples(try both(snapshot).text)
            return samples.first { $0.name == name }?.value ?? -1
        }
        let names = [
            "loopwatch_loop_blocked_seconds_total", "loopwatch_pool_starved_seconds_total",
            "loopwatch_loop_block_longest_seconds", "loopwatch_pool_block_longest_seconds",
        ]
        let before = try names.map(values)
        snapshot.loops[0].statistics.currentStallNanoseconds = 120_000_000_000
        snapshot.loops[0].statistics.certainStallNanoseconds = 120_000_000_000
        snapshot.pools[0].statistics.currentStallNanoseconds = 120_000_000_000
        snapshot.pools[0].statistics.certainStallNanoseconds = 120_000_000_000
        let during = try names.map(values)
        #expect(zip(before, during).allSatisfy { $0 < $1 })
        #expect(during == [182.782, 182.782, 120, 120])
    }

    @Test("a pool that cannot tell its depth has no such series, and one that can has it at zero")
    func depth() throws {
        var snapshot = Snapshots.rich()
        snapshot.pools[0].depth = 0
        let samples = samples(try both(snapshot).text)
        let depths = samples.filter { $0.name == "loopwatch_pool_queue_depth" }
        #expect(depths.map { $0.labels["pool"] } == ["default"])
        #expect(depths.map(\.valueText) == ["0"])
    }

    @Test("numbers at the ends of their ranges are written as valid ones")
    func extremes() throws {
        var snapshot = Snapshots.rich()
        for value in [Double.nan, .infinity, -.infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -0.0] {
            snapshot.host.startUnixSeconds = value
            snapshot.watchdog.wakeups = .max
            snapshot.loops[0].statistics.heartbeatAgeNanoseconds = .min
            snapshot.loops[0].statistics.latestStallBeganUnixNanoseconds = .max
            let samples = samples(try both(snapshot).text)
            let written = samples.first { $0.name == "process_start_time_seconds" }?.value ?? 0
            #expect(written == value || (written.isNaN && value.isNaN))
            #expect(samples.contains { $0.valueText == "18446744073709551615" })
            #expect(samples.contains { $0.valueText == "-9223372036.854775808" })
        }
    }

    @Test("counters by severity or cause that are too short count as zero")
    func shortArrays() throws {
        var snapshot = Snapshots.rich()
        snapshot.loops[0].statistics.stallsBySeverity = []
        snapshot.loops[0].statistics.stallsByCause = [1]
        snapshot.loops[0].statistics.thresholdsNanoseconds = []
        snapshot.reporting.warningsBySeverity = []
        _ = try both(snapshot)
    }
}
