// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The one table of all metrics: both writers emit from it, and the documentation's table is made from it.
package enum MetricCatalog {
    /// Every family, in the order of exposition.
    package static let all: [MetricDescription] = loops + pools + jobs + processes + watch + process

    /// The label `severity` with its values.
    static let bySeverity = (label: "severity", values: Severity.allCases.map(\.label))

    /// The label `cause` with its values.
    static let byCause = (label: "cause", values: Cause.blockLabels)

    /// The table as Markdown, with a line feed at the end.
    package static var markdown: String {
        var lines = ["| metric | type | unit | labels | bound | help |", "| --- | --- | --- | --- | --- | --- |"]
        for family in all {
            let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
            let cells = [
                "`\(family.sampleName)`", family.type.rawValue, family.unit ?? "-", labels.isEmpty ? "-" : labels,
                family.bound, family.help,
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension RandomAccessCollection where Index == Int, Element: FixedWidthInteger {
    /// The element at an index, or zero where the collection is shorter than it should be.
    func count(at index: Int) -> Element {
        indices.contains(index) ? self[index] : 0
    }
}
