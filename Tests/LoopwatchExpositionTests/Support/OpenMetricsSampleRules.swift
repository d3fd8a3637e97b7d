// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What OpenMetrics demands of a single sample, by its family's type.
enum OpenMetricsSampleRules {
    /// Checks a sample of a family.
    static func check(_ sample: ParsedSample, of family: ParsedFamily) throws {
        let suffix = String(sample.name.dropFirst(family.name.count))
        try checkLabels(sample, of: family, suffix: suffix)
        try checkValue(sample, of: family, suffix: suffix)
        if sample.exemplar != nil {
            let isBucket = ["histogram", "gaugehistogram"].contains(family.type) && suffix == "_bucket"
            guard isBucket || (family.type == "counter" && suffix == "_total") else {
                throw ExpositionFault("exemplar on \(sample.name)")
            }
        }
    }

    /// Checks the labels that a type demands.
    private static func checkLabels(_ sample: ParsedSample, of family: ParsedFamily, suffix: String) throws {
        if family.type == "stateset", sample.labels[family.name] == nil {
            throw ExpositionFault("state set without its label")
        }
        if family.type == "summary", suffix.isEmpty {
            guard let quantile = sample.labels["quantile"].flatMap(SampleLineParser.number), quantile >= 0,
                quantile <= 1
            else { throw ExpositionFault("bad quantile") }
        }
    }

    /// Checks the value.
    private static func checkValue(_ sample: ParsedSample, of family: ParsedFamily, suffix: String) throws {
        let value = sample.value
        switch family.type {
        case "stateset" where value != 0 && value != 1: throw ExpositionFault("state set neither 0 nor 1")
        case "info" where value != 1: throw ExpositionFault("info is not 1")
        case "summary" where suffix.isEmpty && value < 0: throw ExpositionFault("negative quantile")
        default: break
        }
        guard family.type != "unknown", family.type != nil, !suffix.isEmpty else { return }
        if suffix != "_created", value.isNaN { throw ExpositionFault("\(sample.name) is NaN") }
        if ["_total", "_sum", "_count", "_bucket", "_gcount"].contains(suffix), value < 0 {
            throw ExpositionFault("\(sample.name) is negative")
        }
        if ["_count", "_bucket", "_gcount"].contains(suffix), value.rounded() != value {
            throw ExpositionFault("\(sample.name) is not whole")
        }
    }
}
