// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What came of the blocks of one kind.
struct Row {
    var name: String
    var blocks = 0
    var found = 0
    /// Told length less true length, of those that were found.
    var errors: [Int64] = []
    /// From when the threshold was crossed to when the begun report was heard.
    var latencies: [Int64] = []
    var begunNamed = 0

    /// The row as text.
    var text: String {
        func milliseconds(_ nanoseconds: Double?) -> String {
            guard let nanoseconds else { return "-" }
            let hundredths = Int((abs(nanoseconds) / 10_000).rounded())
            let rest = hundredths % 100
            return "\(nanoseconds < 0 ? "-" : "")\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
        }
        func mean(_ values: [Int64]) -> Double? {
            values.isEmpty ? nil : Double(values.reduce(0, +)) / Double(values.count)
        }
        let absolute = errors.map { abs($0) }
        let worst = errors.max { abs($0) < abs($1) }.map(Double.init)
        let columns = [
            name, "\(found) of \(blocks)", milliseconds(mean(absolute)), milliseconds(worst),
            milliseconds(mean(latencies)), milliseconds(latencies.max().map(Double.init)), "\(begunNamed)",
        ]
        return "| " + columns.joined(separator: " | ") + " |"
    }

    /// The heading of the rows.
    static let heading = """
        | block | found | duration error, mean ms | worst ms | begun after the threshold, mean ms | worst ms | begun with its code |
        |---|---|---|---|---|---|---|
        """
}
