// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Checks the groups of a histogram family of either format.
struct HistogramRules {
    private var lastEdge: Double?
    private var lastValue = 0.0
    private var count: Double?
    private var hasSum = false
    private var hasNegativeSum = false
    private var hasNegativeBuckets = false

    /// Checks a family.
    ///
    /// - Parameter isStrict: whether an exemplar must lie within its bucket, and sum and count be present.
    static func check(_ family: ParsedFamily, isStrict: Bool) throws {
        var rules: HistogramRules?
        var group: [String: String] = [:]
        var timestamp: Double?
        for sample in family.samples where sample.name != family.name + "_created" {
            let itsGroup = sample.group(without: family.groupingLabel(of: sample))
            if rules == nil || itsGroup != group || sample.timestamp != timestamp {
                try rules?.finish(family, isStrict: isStrict)
                rules = HistogramRules()
                (group, timestamp) = (itsGroup, sample.timestamp)
            }
            try rules?.add(sample, suffix: String(sample.name.dropFirst(family.name.count)), isStrict: isStrict)
        }
        try rules?.finish(family, isStrict: isStrict)
    }

    /// Takes in one sample.
    private mutating func add(_ sample: ParsedSample, suffix: String, isStrict: Bool) throws {
        switch suffix {
        case "_bucket":
            guard let text = sample.labels["le"], let edge = SampleLineParser.number(text), !edge.isNaN,
                edge.isFinite || text == "+Inf"
            else { throw ExpositionFault("\(sample.name): bad le") }
            if let lastEdge, edge <= lastEdge { throw ExpositionFault("\(sample.name): buckets out of order") }
            guard sample.value >= lastValue else { throw ExpositionFault("\(sample.name): buckets not cumulative") }
            if isStrict, let exemplar = sample.exemplar {
                guard exemplar.value <= edge, exemplar.value > lastEdge ?? -.infinity else {
                    throw ExpositionFault("\(sample.name): exemplar outside of its bucket")
                }
                guard exemplar.timestamp != nil else {
                    throw ExpositionFault("\(sample.name): exemplar without timestamp")
                }
            }
            lastEdge = edge
            lastValue = sample.value
            if edge < 0 { hasNegativeBuckets = true }
        case "_count", "_gcount": count = sample.value
        default:
            hasSum = true
            hasNegativeSum = sample.value < 0
        }
    }

    /// Checks what can be said of a whole group only.
    private func finish(_ family: ParsedFamily, isStrict: Bool) throws {
        guard lastEdge == .infinity else { throw ExpositionFault("\(family.name): no +Inf bucket") }
        if let count, count != lastValue { throw ExpositionFault("\(family.name): count is not the +Inf bucket") }
        guard hasSum == (count != nil) else { throw ExpositionFault("\(family.name): one of sum and count") }
        if isStrict, !hasSum { throw ExpositionFault("\(family.name): neither sum nor count") }
        if hasNegativeBuckets, hasSum, family.type == "histogram" {
            throw ExpositionFault("\(family.name): sum with negative buckets")
        }
        if hasNegativeSum, !hasNegativeBuckets { throw ExpositionFault("\(family.name): negative sum") }
    }
}
