// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("The metric table")
struct MetricCatalogTests {
    /// A snapshot in which every family has a row, as OpenMetrics.
    private func families() throws -> [ParsedFamily] {
        var bytes: [UInt8] = []
        OpenMetricsWriter.write(Snapshots.complete(), into: &bytes)
        return try OpenMetricsValidator.parse(bytes, isStrict: true)
    }

    @Test("what is written is what is in the table, in its order")
    func tableIsOutput() throws {
        #expect(try families().map(\.name) == MetricCatalog.all.map(\.name))
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(Snapshots.complete(), into: &bytes)
        let text = try PrometheusTextValidator.parse(bytes)
        #expect(text.map(\.name) == MetricCatalog.all.map(\.sampleName))
        #expect(text.map(\.help) == MetricCatalog.all.map(\.help))
        for (family, row) in zip(text, MetricCatalog.all) {
            #expect(family.type == (row.type == .info ? "gauge" : row.type.rawValue))
        }
    }

    @Test("types, units, helps and labels are written as the table has them")
    func rowsAgree() throws {
        for (family, row) in zip(try families(), MetricCatalog.all) {
            #expect(family.type == row.type.rawValue)
            #expect(family.unit == row.unit)
            #expect(family.help == row.help)
            for sample in family.samples {
                let labels = Set(sample.labels.keys).subtracting(row.type == .histogram ? ["le"] : [])
                #expect(labels == Set(row.labels), "\(sample.name)")
            }
        }
    }

    @Test("names are unique and end with their unit")
    func names() {
        #expect(Set(MetricCatalog.all.map(\.name)).count == MetricCatalog.all.count)
        for row in MetricCatalog.all {
            #expect(row.name.hasPrefix("loopwatch_") || row.name.hasPrefix("process_"))
            let ending = row.name.split(separator: "_").last.map(String.init)
            #expect(["seconds", "bytes"].contains(ending) == (row.unit != nil), "\(row.name)")
            #expect(row.unit == nil || row.unit == ending)
            #expect(row.help.hasSuffix("."))
            #expect(!row.bound.isEmpty)
        }
    }

    @Test("no rule of Prometheus' own linter is broken")
    func lint() throws {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(Snapshots.complete(), into: &bytes)
        for family in try PrometheusTextValidator.parse(bytes) { #expect(MetricLint.problems(of: family) == []) }
    }

    @Test("the documentation's table has one line a family")
    func markdown() throws {
        let lines = MetricCatalog.markdown.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == MetricCatalog.all.count + 3)
        #expect(lines.last == "")
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("| ") && $0.hasSuffix(" |") && $0.count { $0 == "|" } == 7 })
        #expect(
            lines.contains(
                "| `loopwatch_loop_blocks_total` | counter | - | `process`, `loop`, `severity` | loops<=64 x 3 | "
                    + "Finished blocks by highest severity reached; each block is counted once. |"
            )
        )
    }
}

@Suite("The port of Prometheus' linter")
struct MetricLintTests {
    @Test(
        "it finds what promtool finds",
        arguments: [
            ParsedFamily(name: "a", type: "gauge"),
            ParsedFamily(name: "a", type: "counter", help: "x"),
            ParsedFamily(name: "a_total", type: "gauge", help: "x"),
            ParsedFamily(name: "a_count", type: "gauge", help: "x"),
            ParsedFamily(name: "a_gauge", type: "gauge", help: "x"),
            ParsedFamily(name: "a:b", type: "gauge", help: "x"),
            ParsedFamily(name: "aB", type: "gauge", help: "x"),
            ParsedFamily(name: "a_ms", type: "gauge", help: "x"),
            ParsedFamily(name: "a_milliseconds", type: "gauge", help: "x"),
            ParsedFamily(name: "a_minutes", type: "gauge", help: "x"),
            ParsedFamily(
                name: "a",
                type: "gauge",
                help: "x",
                samples: [ParsedSample(name: "a", labels: ["le": "1"], value: 1, valueText: "1")]
            ),
            ParsedFamily(
                name: "a",
                type: "gauge",
                help: "x",
                samples: [ParsedSample(name: "a", labels: ["camelCase": "1"], value: 1, valueText: "1")]
            ),
        ]
    )
    func finds(_ family: ParsedFamily) {
        #expect(MetricLint.problems(of: family).count == 1)
    }

    @Test("it has nothing against good names")
    func passes() {
        #expect(MetricLint.problems(of: ParsedFamily(name: "a_seconds_total", type: "counter", help: "x")) == [])
    }
}
