// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchExposition
import Testing

/// What the documentation says of metrics: a name in it that is not exposed would be looked for in vain.
@Suite("The documentation, of metrics")
struct DocumentationTests {
    private static let folder = "Sources/Loopwatch/Loopwatch.docc/"
    private static let articles = [
        "Loopwatch", "GettingStarted", "WatchingTargets", "ReadingReports", "Metrics", "HowCaptureWorks",
        "WatchingFromOutside", "Operating", "ComparisonWithOtherTools", "Changelog",
    ]
    private static let exposed = Result { try ExposedNames() }
    private static let records = Result {
        MetricReferences.records(in: try Fixture.text(inRepository: "config/prometheus/loopwatch.rules.yml"))
    }

    private static func text(_ article: String) throws -> String {
        try Fixture.text(inRepository: folder + article + ".md")
    }

    @Test("the article on metrics has the table, the whole table and nothing but the table")
    func table() throws {
        let rows = try Self.text("Metrics").split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("| `loopwatch_") || $0.hasPrefix("| `process_") }
        let expected = MetricCatalog.markdown.split(separator: "\n").dropFirst(2).map(String.init)
        // One at a time, so that a failure shows the line that is missing, and not both tables.
        for row in expected { #expect(rows.contains(row), "Metrics.md lacks this line") }
        for row in rows { #expect(expected.contains(row), "Metrics.md has a line that the table has not") }
        #expect(rows.count == MetricCatalog.all.count)
    }

    @Test("the values of each label that has a closed set of them are those that are exposed")
    func labels() throws {
        let samples = try Self.exposed.get().samples
        let rows = try Self.text("Metrics").split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
            return cells.count == 3 && cells[1].hasPrefix("`") && cells[0].hasPrefix("`") ? cells : nil
        }
        #expect(rows.count >= 10)
        for cells in rows {
            let label = cells[0].replacing("`", with: "")
            let said = Set(cells[1].replacing("`", with: "").split(separator: ", ").map(String.init))
            let metrics = Set(cells[2].matches(of: /`([a-z_]+)`/).map { String($0.1) })
            #expect(metrics.isSubset(of: samples.keys), "the metrics of \(label)")
            let values = samples.filter { metrics.isEmpty || metrics.contains($0.key) }.values
            let exposed = values.reduce(into: Set<String>()) { $0.formUnion($1[label] ?? []) }
            #expect(said == exposed, "the values of \(label)")
            // Metrics that are not named would have other values.
            if !metrics.isEmpty {
                let alike = samples.filter { $0.value[label] == said }.map(\.key)
                #expect(metrics.isSuperset(of: alike.filter { !$0.contains("_bucket") && !$0.contains("_sum") }))
            }
        }
    }

    @Test("articles name only metrics, labels and values that are exposed", arguments: articles)
    func names(article: String) throws {
        let references = MetricReferences(
            try Self.text(article),
            exposed: try Self.exposed.get(),
            records: try Self.records.get()
        )
        // A histogram has samples of other names, and is called by the family's in a text.
        let families = MetricCatalog.all.filter { $0.type == .histogram }.map { "there is no \($0.name)" }
        #expect(references.problems.filter { !families.contains($0) } == [])
    }

    @Test("that holds for every article there is")
    func articlesAreAll() throws {
        let page = try Self.text("Loopwatch")
        let linked = page.matches(of: /- <doc:([A-Za-z]+)>/).map { String($0.1) }
        #expect(Set(linked + ["Loopwatch"]) == Set(Self.articles))
    }

    @Test("alerts that the article on operating names are those of the rules")
    func alerts() throws {
        let rules = try Fixture.text(inRepository: "config/prometheus/loopwatch.rules.yml")
        let alerts = rules.matches(of: /- alert: (\S+)/).map { String($0.1) }
        let named = try Self.text("Operating").matches(of: /`(Loopwatch[A-Z][A-Za-z]+)`/).map { String($0.1) }
        #expect(alerts.count > 20)
        #expect(Set(named) == Set(alerts))
        #expect(named.count == alerts.count)
    }
}
