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
    /// Whether nothing was written yet.
    private(set) var isEmpty = true
    /// What every bucket of the row at hand begins with: a thousand loops have 35,000 of these lines.
    private var bucketStart: [UInt8] = []
    /// How the line of each bucket goes on up to its number.
    private var bucketEnds: BucketEnds?

    /// How the lines of a histogram go on up to their numbers; the same for all rows of a family.
    private struct BucketEnds {
        let edges: HistogramEdges
        /// Those of all buckets, one after the other.
        var bytes: [UInt8] = []
        /// Where each of them is.
        var ranges: [Range<Int>] = []

        init(_ edges: HistogramEdges) {
            self.edges = edges
            for label in edges.labels + ["+Inf"] {
                let start = bytes.count
                bytes.append(text: "le=\"\(label)\"} ")
                ranges.append(start..<bytes.count)
            }
        }
    }

    /// Creates a writer for a family.
    init(family: MetricDescription, writesExemplars: Bool) {
        self.name = Array(family.sampleName.utf8)
        self.labelNames = family.labels.enumerated().map { Array("\($0.offset > 0 ? "," : "")\($0.element)=\"".utf8) }
        self.family = family
        self.writesExemplars = writesExemplars
    }

    /// Appends all lines of one row.
    mutating func append(_ row: MetricRow, to buffer: inout [UInt8]) {
        isEmpty = false
        if case .histogram(let histogram) = row.value {
            append(histogram, row.labels, to: &buffer)
            return
        }
        appendStart(row.labels, to: &buffer)
        append(row.value, to: &buffer)
        buffer.append(0x0A)
    }

    /// Appends labels, escaped, without braces.
    private func append(_ labels: MetricRow.Labels, to buffer: inout [UInt8]) {
        switch labels {
        case .values(let values):
            for (name, value) in zip(labelNames, values) {
                buffer.append(copyOf: name)
                buffer.append(labelValue: value)
                buffer.append(0x22)
            }
        case .target(let target, let further):
            buffer.append(copyOf: target.bytes)
            if let further { buffer.append(copyOf: further.bytes) }
        }
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
    private mutating func append(_ histogram: Histogram, _ labels: MetricRow.Labels, to buffer: inout [UInt8]) {
        bucketStart.removeAll(keepingCapacity: true)
        bucketStart.append(copyOf: name)
        bucketStart.append(text: "_bucket{")
        if !family.labels.isEmpty {
            append(labels, to: &bucketStart)
            bucketStart.append(0x2C)
        }
        let ends = bucketEnds.flatMap { $0.edges == histogram.edges ? $0 : nil } ?? BucketEnds(histogram.edges)
        bucketEnds = ends
        var cumulative: UInt64 = 0
        for index in histogram.counts.indices {
            cumulative &+= histogram.counts[index]
            buffer.append(copyOf: bucketStart)
            buffer.append(copyOf: ends.bytes, ends.ranges[index])
            buffer.append(decimal: cumulative)
            if writesExemplars, let exemplar = histogram.exemplars[index],
                Self.bucket(index, of: histogram.edges, contains: exemplar.nanoseconds)
            {
                append(exemplar, to: &buffer)
            }
            buffer.append(0x0A)
        }
        appendStart(labels, suffix: "_sum", to: &buffer)
        buffer.append(secondsOfNanoseconds: histogram.sumNanoseconds)
        buffer.append(0x0A)
        appendStart(labels, suffix: "_count", to: &buffer)
        buffer.append(decimal: cumulative)
        buffer.append(0x0A)
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
    private func appendStart(_ labels: MetricRow.Labels, suffix: StaticString = "", to buffer: inout [UInt8]) {
        buffer.append(copyOf: name)
        suffix.withUTF8Buffer { buffer.append(contentsOf: $0) }
        if !family.labels.isEmpty {
            buffer.append(0x7B)
            append(labels, to: &buffer)
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
