// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// What operators copy: a name in it that is not exposed would be an alert that never fires, or a panel without data.
@Suite("The files under config/")
struct OperatingFilesTests {
    private static let rules = "config/prometheus/loopwatch.rules.yml"
    /// What is exposed, and what the rules record: read once for all cases.
    private static let exposed = Result { try ExposedNames() }
    private static let records = Result { MetricReferences.records(in: try Fixture.text(inRepository: rules)) }

    /// Every file, by its path in the repository.
    private static func paths() -> [String] {
        ["config/*", "config/*/*"].flatMap { pattern -> [String] in
            var found = glob_t()
            defer { globfree(&found) }
            guard glob(Fixture.repository + "/" + pattern, GLOB_MARK, nil, &found) == 0 else { return [] }
            return (0..<Int(found.gl_pathc)).compactMap { index in
                guard let path = found.gl_pathv[index].map({ String(cString: $0) }) else { return nil }
                return path.hasSuffix("/") ? nil : String(path.dropFirst(Fixture.repository.utf8.count + 1))
            }
        }
    }

    private static func references(in text: String) throws -> MetricReferences {
        MetricReferences(text, exposed: try exposed.get(), records: try records.get())
    }

    @Test("name only metrics, labels and values that are exposed")
    func names() throws {
        let paths = Self.paths()
        #expect(paths.contains(Self.rules))
        for path in paths {
            let references = try Self.references(in: try Fixture.text(inRepository: path))
            #expect(references.problems == [], "\(path)")
        }
    }

    @Test(
        "are read for what they name",
        arguments: [
            ("config/prometheus/loopwatch.rules.yml", 25), ("config/prometheus/loopwatch.rules.test.yml", 25),
            ("config/grafana/loopwatch.json", 35),
        ]
    )
    func isNotVacuous(path: String, least: Int) throws {
        #expect(try Self.references(in: try Fixture.text(inRepository: path)).names.count >= least)
    }

    @Test(
        "an invented name would be found",
        arguments: [
            "expr: loopwatch_loop_time_seconds_total > 1",
            "expr: process_happiness > 1",
            // Samples of histograms and of counters have endings.
            "expr: loopwatch_loop_lag_seconds > 1",
            "expr: loopwatch_loop_blocks > 1",
            "expr: loopwatch_loop_blocked_total > 1",
            "expr: instance_process_loop:loopwatch_loop_happiness:rate5m > 1",
            "expr: sum by (job, pool) (loopwatch_loop_blocked)",
            "expr: loopwatch_loop_blocked > ignoring (severty) loopwatch_loop_threshold_seconds",
            "expr: loopwatch_loop_blocked{pool=\"db\"} > 1",
            "expr: instance_process_loop:loopwatch_loop_blocked_seconds:rate5m{pool=\"db\"} > 1",
            "expr: loopwatch_loop_blocks_total{severity=\"fatal\"} > 1",
            "expr: loopwatch_loop_blocks_total{severity=~\"error|fatal\"} > 1",
            "expr: loopwatch_pool_accounting{accounting!=\"exactly\"} > 1",
            "expr: rate(loopwatch_loop_lag_seconds_bucket{le=\"0.3\"}[5m]) > 1",
            "expr: loopwatch_loop_blocked > 1\nsummary: '{{ $labels.pool }}'",
            #"{ "expr": "loopwatch_loop_blocked{job=~\"$job\",lop=~\"$loop\"}" }"#,
            #"{ "expr": "loopwatch_loop_blocked", "legendFormat": "{{process}}/{{pool}}" }"#,
            #"{ "query": "label_values(loopwatch_loop_blocked{job=~\"$job\"}, pool)" }"#,
        ]
    )
    func findsInvented(text: String) throws {
        #expect(try Self.references(in: text).problems.count == 1, "\(text)")
    }

    @Test(
        "what is there is not found",
        arguments: [
            "expr: loopwatch_loop_lag_seconds_count > 1",
            "expr: rate(loopwatch_loop_lag_seconds_bucket{le=\"0.25\",job=\"api\"}[5m]) > 1",
            "expr: loopwatch_loop_blocks_total{severity=~\"error|critical\",loop=\"any\"} > 1",
            "expr: instance_process_loop:loopwatch_loop_blocked_seconds:rate5m{loop=\"http-0\"} > 1",
            "expr: up{job=\"loopwatch\"} == 0\nsummary: '{{ $labels.instance }} is gone for {{ $value }}'",
            #"{ "expr": "sum by (loop) (loopwatch_loop_blocked{job=~\"$job\"})", "legendFormat": "{{loop}}" }"#,
        ]
    )
    func passesWhatIsThere(text: String) throws {
        #expect(try Self.references(in: text).problems == [], "\(text)")
    }
}
