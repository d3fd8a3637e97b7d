// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Writes the sample lines of one family, which look the same in both formats but for exemplars.
struct SampleLineWriter {
    /// The family's sample name as bytes.
    private let name: [UInt8]
    /// What the lines belong to.
    private let family: MetricDescription
    /// Whether `_bucket` lines carry exemplars: only OpenMetrics has them.
    private let writesExemplars: Bool
    /// What stands before each label's value.
    private let labelNames: [[UInt8]]
    /// The labels of the row at hand, escaped, without braces.
    private var labels: [UInt8] = []
    /// What every bucket of the row at hand begins with, and how each ends: a thousand loops have 35,000 of these lines.
    private var bucketStart: [UInt8] = []
    private var bucketEnds: (edges: HistogramEdges, texts: [[UInt8]])?

    /// Creates a writer for a family.
    init(family: MetricDescription, writesExemplars: Bool) {
        self.name = Array(family.sampleName.utf8)
        self.labelNames = family.labels.enumerated().map { Array("\($0.offset > 0 ? "," : "")\($0.element)=\"".utf8) }
        self.family = family
        self.writesExemplars = writesExemplars
    }

    /// Appends all lines of one row.
    mutating func append(_ row: MetricRow, to buffer: inout [UInt8]) {
        labels.removeAll(keepingCapacity: true)
        switch row.labels {
        case .values(let values):
            for (name, value) in zip(labelNames, values) { appendLabel(name, value) }
        case .target(let target, let further):
            labels.append(contentsOf: target.bytes)
            if let further, let name = labelNames.last { appendLabel(name, further) }
        }
        if case .histogram(let histogram) = row.value {
            append(histogram, to: &buffer)
            return
        }
        appendName(to: &buffer)
        append(row.value, to: &buffer)
        buffer.append(0x0A)
    }

    private mutating func appendLabel(_ name: [UInt8], _ value: String) {
        labels.append(contentsOf: name)
        labels.append(labelValue: value)
        labels.append(0x22)
    }

    /// Appends a number; a counter is never negative, because OpenMetrics then refuses the whole exposition.
    private func append(_ value: MetricValue, to buffer: inout [UInt8]) {
        let lowest: Int64 = family.type == .counter ? 0 : .min
        switch value {
        case .count(let count): buffer.append(decimal: count)
        case .integer(let number): buffer.append(decimal: max(lowest, number))
        case .nanoseconds(let nanoseconds): buffer.append(secondsOfNanoseconds: max(lowest, nanoseconds))
        case .number(let number): buffer.append(number: number)
        case .histogram: break
        }
    }

    /// Appends the cumulative buckets, the sum and the count.
    ///
    /// The count is taken from the buckets, so that it is always the value of the bucket `+Inf`.
    private mutating func append(_ histogram: Histogram, to buffer: inout [UInt8]) {
        bucketStart.removeAll(keepingCapacity: true)
        bucketStart.append(contentsOf: name)
        bucketStart.append(text: "_bucket{")
        if !labels.isEmpty {
            bucketStart.append(contentsOf: labels)
            bucketStart.append(0x2C)
        }
        let ends = ends(of: histogram.edges)
        var cumulative: UInt64 = 0
        for index in histogram.counts.indices {
            cumulative &+= histogram.counts[index]
            buffer.append(contentsOf: bucketStart)
            buffer.append(contentsOf: ends[index])
            buffer.append(decimal: cumulative)
            if writesExemplars, let exemplar = histogram.exemplars[index],
                Self.bucket(index, of: histogram.edges, contains: exemplar.nanoseconds)
            {
                append(exemplar, to: &buffer)
            }
            buffer.append(0x0A)
        }
        appendName("_sum", to: &buffer)
        buffer.append(secondsOfNanoseconds: histogram.sumNanoseconds)
        buffer.append(0x0A)
        appendName("_count", to: &buffer)
        buffer.append(decimal: cumulative)
        buffer.append(0x0A)
    }

    /// How the line of each bucket goes on up to its number; the same for all rows of a family.
    private mutating func ends(of edges: HistogramEdges) -> [[UInt8]] {
        if let bucketEnds, bucketEnds.edges == edges { return bucketEnds.texts }
        let texts = (edges.labels + ["+Inf"]).map { Array("le=\"\($0)\"} ".utf8) }
        bucketEnds = (edges, texts)
        return texts
    }

    /// Appends an exemplar with its time, without which Prometheus stores it again at every scrape.
    private func append(_ exemplar: Histogram.Exemplar, to buffer: inout [UInt8]) {
        buffer.append(text: " # {warning_id=\"")
        buffer.append(decimal: exemplar.warning)
        buffer.append(text: "\"} ")
        buffer.append(secondsOfNanoseconds: exemplar.nanoseconds)
        buffer.append(0x20)
        buffer.append(secondsOfNanoseconds: exemplar.unixNanoseconds)
    }

    /// Appends the sample's name with the row's labels and a space.
    private func appendName(_ suffix: String = "", to buffer: inout [UInt8]) {
        buffer.append(contentsOf: name)
        buffer.append(text: suffix)
        if !labels.isEmpty {
            buffer.append(0x7B)
            buffer.append(contentsOf: labels)
            buffer.append(0x7D)
        }
        buffer.append(0x20)
    }

    /// Whether a value belongs into a bucket: an exemplar outside of its own is stored wrongly.
    private static func bucket(_ index: Int, of edges: HistogramEdges, contains nanoseconds: Int64) -> Bool {
        let isAboveLower = index == 0 || nanoseconds > edges.nanoseconds[index - 1]
        let isWithinUpper = index >= edges.nanoseconds.count || nanoseconds <= edges.nanoseconds[index]
        return isAboveLower && isWithinUpper
    }
}
