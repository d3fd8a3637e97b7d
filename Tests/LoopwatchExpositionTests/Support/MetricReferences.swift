// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a rules file, its tests or a dashboard names of metrics: read by its shape, not by a grammar.
struct MetricReferences {
    /// The names of metrics, of records as well.
    private(set) var names: Set<String> = []
    /// Everything that it names and that is not there, with the name.
    private(set) var problems: [String] = []

    private let exposed: ExposedNames
    private let records: Set<String>

    /// What begins a rule, a query or a series: what is named between two of them belongs together.
    private static let beginnings = ["- alert:", "- record:", "- series:", "- expr:", "\"expr\":", "\"query\":"]

    /// Reads a text.
    ///
    /// - Parameter records: the names of all records.
    init(_ text: String, exposed: ExposedNames, records: Set<String>) {
        self.exposed = exposed
        self.records = records
        var unit = ""
        // In JSON, quotes are escaped.
        for line in text.replacing("\\\"", with: "\"").split(separator: "\n") {
            if Self.beginnings.contains(where: { line.contains($0) }) {
                read(unit)
                unit = ""
            }
            unit += line + "\n"
        }
        read(unit)
    }

    /// The names that rules record.
    static func records(in text: String) -> Set<String> {
        Set(text.matches(of: /- record: (\S+)/).map { String($0.1) })
    }

    private mutating func read(_ unit: String) {
        var available: Set = ["job", "instance"]
        for name in Self.metrics(in: unit) {
            names.insert(name)
            if let labels = exposed.labels(of: name, records: records) {
                available.formUnion(labels)
            } else {
                problems.append("there is no \(name)")
            }
        }
        for match in unit.matches(of: /([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^{}]*)\}/) {
            readSelector(of: String(match.1), String(match.2))
        }
        var labels: [Substring] = []
        for match in unit.matches(of: /\b(?:by|without|on|ignoring) *\(([^)]*)\)/) {
            labels += match.1.matches(of: /[a-zA-Z_]+/).map(\.output)
        }
        // Of an alert's texts, of a panel's legends, and of a dashboard's variables.
        labels += unit.matches(of: /\$labels\.([a-zA-Z_]+)/).map(\.1)
        labels += unit.matches(of: /\{\{([a-zA-Z_]+)\}\}/).map(\.1)
        labels += unit.matches(of: /label_values\(.*, *([a-zA-Z_]+)\)/).map(\.1)
        for label in labels where !available.contains(String(label)) {
            problems.append("nothing named beside it has the label \(label): \(unit.prefix(200))")
        }
    }

    private mutating func readSelector(of name: String, _ text: String) {
        guard Self.isMetric(name), let labels = exposed.labels(of: name, records: records) else { return }
        for match in text.matches(of: /([a-zA-Z_]+) *(?:=~|!~|!=|=) *"([^"]*)"/) {
            let (label, value) = (String(match.1), String(match.2))
            if !labels.contains(label) {
                problems.append("\(name) has no label \(label)")
            } else if !exposed.has(value, for: label, of: name) {
                problems.append("\(label) of \(name) is never \(value)")
            }
        }
    }

    /// The names of metrics in a text, each once.
    private static func metrics(in unit: String) -> Set<String> {
        let words = unit.matches(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/).map { match in
            // A colon at the end is not of the name, but of the file's format.
            match.output.hasSuffix(":") ? String(match.output.dropLast()) : String(match.output)
        }
        return Set(words.filter(isMetric))
    }

    /// Whether a word is meant as the name of a metric of Loopwatch, or of a record made of them.
    private static func isMetric(_ word: String) -> Bool {
        if word.contains(":") { return word.contains("loopwatch_") || word.contains(":process_") }
        return word.hasPrefix("loopwatch_") || word.hasPrefix("process_")
    }
}
