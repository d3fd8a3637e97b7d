// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Why a text is no exposition.
struct ExpositionFault: Error, CustomStringConvertible {
    /// What is wrong, and in which line.
    var description: String

    /// Creates a fault.
    init(_ description: String) {
        self.description = description
    }
}

/// An exemplar as it was read.
struct ParsedExemplar: Equatable {
    /// Its labels.
    var labels: [String: String]
    /// The observed value.
    var value: Double
    /// Unix time in seconds, if it was given.
    var timestamp: Double?
}

/// A sample as it was read.
struct ParsedSample: Equatable {
    /// Name with its suffix.
    var name: String
    /// Labels, unescaped.
    var labels: [String: String]
    /// The value.
    var value: Double
    /// The value as it was written.
    var valueText: String
    /// Unix time, if it was given.
    var timestamp: Double?
    /// Its exemplar, if it has one.
    var exemplar: ParsedExemplar?

    /// The labels without the one that tells samples of a group apart.
    func group(without label: String?) -> [String: String] {
        guard let label else { return labels }
        return labels.filter { $0.key != label }
    }
}

/// A family as it was read.
struct ParsedFamily: Equatable {
    /// Name as the metadata has it.
    var name: String
    /// Type as the metadata has it.
    var type: String?
    /// Unit as the metadata has it.
    var unit: String?
    /// Help, unescaped.
    var help: String?
    /// Kinds of metadata in the order in which they came.
    var metadata: [String] = []
    /// Samples in order.
    var samples: [ParsedSample] = []

    /// Endings that a sample's name may have behind the family's name in OpenMetrics.
    var suffixes: [String] {
        switch type {
        case "counter": ["_total", "_created"]
        case "summary": ["", "_count", "_sum", "_created"]
        case "histogram": ["_bucket", "_count", "_sum", "_created"]
        case "gaugehistogram": ["_bucket", "_gcount", "_gsum"]
        case "info": ["_info"]
        default: [""]
        }
    }

    /// The label that tells the samples of one group apart.
    func groupingLabel(of sample: ParsedSample) -> String? {
        switch type {
        case "histogram", "gaugehistogram": sample.name == name + "_bucket" ? "le" : nil
        case "summary": sample.name == name ? "quantile" : nil
        case "stateset": name
        default: nil
        }
    }
}
