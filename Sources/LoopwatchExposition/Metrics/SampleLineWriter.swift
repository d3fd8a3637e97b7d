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
    /// The labels of the row at hand, escaped, without braces.
    private var labels: [UInt8] = []

    /// Creates a writer for a family.
    init(family: MetricDescription, writesExemplars: Bool) {
        self.name = Array(family.sampleName.utf8)
        self.family = family
        self.writesExemplars = writesExemplars
    }

    /// Appends all lines of one row.
    mutating func append(_ row: MetricRow, to buffer: inout [UInt8]) {
        labels.removeAll(keepingCapacity: true)
        for (name, value) in zip(family.labels, row.labelValues) {
            if !labels.isEmpty { labels.append(0x2C) }
            labels.append(text: name)
            labels.append(text: "=\"")
            labels.append(labelValue: value)
            labels.append(0x22)
        }
        if case .histogram(let histogram) = row.value {
            append(histogram, to: &buffer)
            return
        }
        appendName(to: &buffer)
        append(row.value, to: &buffer)
        buffer.append(0x0A)
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
    private func append(_ histogram: Histogram, to buffer: inout [UInt8]) {
        var cumulative: UInt64 = 0
        for index in histogram.counts.indices {
            cumulative &+= histogram.counts[index]
            let isLast = index >= histogram.edges.labels.count
            buffer.append(contentsOf: name)
            buffer.append(text: "_bucket{")
            if !labels.isEmpty {
                buffer.append(contentsOf: labels)
                buffer.append(0x2C)
            }
            buffer.append(text: "le=\"")
            buffer.append(text: isLast ? "+Inf" : histogram.edges.labels[index])
            buffer.append(text: "\"} ")
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
