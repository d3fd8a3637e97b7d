// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition

/// What is exposed: the names of all samples, the labels of each, and the values of labels that have a closed set of them.
struct ExposedNames {
    /// Labels whose values Loopwatch chooses, so that no other will ever be there.
    private static let closed: Set = [
        "severity", "cause", "accounting", "priority", "kind", "reason", "method", "outcome", "component", "le",
    ]

    /// The labels of each sample's name, with their values.
    let samples: [String: [String: Set<String>]]

    /// Takes them from a snapshot in which every family has a row, which another test makes sure of.
    init() throws {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(Snapshots.complete(), into: &bytes)
        var samples: [String: [String: Set<String>]] = [:]
        for sample in try PrometheusTextValidator.parse(bytes).flatMap(\.samples) {
            var labels = samples[sample.name] ?? [:]
            for (label, value) in sample.labels { labels[label, default: []].insert(value) }
            samples[sample.name] = labels
        }
        self.samples = samples
    }

    /// The labels of a sample, or of a rule's record, which has those that its name begins with; `nil` where there is none.
    ///
    /// - Parameter records: the names of all records.
    func labels(of name: String, records: Set<String>) -> Set<String>? {
        // Prometheus adds these two.
        let added: Set = ["job", "instance"]
        if let labels = samples[name] { return added.union(labels.keys) }
        guard records.contains(name), let level = name.split(separator: ":").first else { return nil }
        return added.union(level.split(separator: "_").map(String.init))
    }

    /// Whether a label may have a value; a pattern, or a variable, always may.
    func has(_ value: String, for label: String, of name: String) -> Bool {
        guard Self.closed.contains(label), let values = samples[name]?[label], !value.contains("$") else { return true }
        return value.split(separator: "|", omittingEmptySubsequences: false).allSatisfy { values.contains(String($0)) }
    }
}
