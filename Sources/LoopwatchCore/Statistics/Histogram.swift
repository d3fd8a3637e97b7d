// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A cumulative histogram with fixed bucket edges, as Prometheus counts them: never reset, so any number of scrapers
/// sees the same counters.
public struct Histogram: Sendable, Equatable {
    /// The bucket edges and the literal text in which each is exposed.
    public let edges: HistogramEdges
    /// Observations in each bucket (not cumulative); the last one counts what lies above the highest edge.
    public private(set) var counts: [UInt64]
    /// Sum of all observations, in nanoseconds.
    public private(set) var sumNanoseconds: Int64 = 0
    /// Number of all observations.
    public private(set) var count: UInt64 = 0
    /// The latest observation of each bucket that has an identity, for exemplars.
    public private(set) var exemplars: [Exemplar?]

    /// An observation that can be looked up: exposed as an OpenMetrics exemplar.
    public struct Exemplar: Sendable, Equatable {
        /// Identifier of the warning that tells more.
        public var warning: UInt64
        /// The observed value, in nanoseconds.
        public var nanoseconds: Int64
        /// Unix time of the observation, in nanoseconds.
        public var unixNanoseconds: Int64

        /// Creates an exemplar.
        public init(warning: UInt64, nanoseconds: Int64, unixNanoseconds: Int64) {
            self.warning = warning
            self.nanoseconds = nanoseconds
            self.unixNanoseconds = unixNanoseconds
        }
    }

    /// Creates an empty histogram.
    public init(edges: HistogramEdges) {
        self.edges = edges
        self.counts = Array(repeating: 0, count: edges.nanoseconds.count + 1)
        self.exemplars = Array(repeating: nil, count: edges.nanoseconds.count + 1)
    }

    /// Counts one observation; a negative value counts as zero.
    public mutating func observe(nanoseconds: Int64, exemplar: Exemplar? = nil) {
        let value = max(0, nanoseconds)
        counts[bucket(of: value)] += 1
        count += 1
        let (sum, overflow) = sumNanoseconds.addingReportingOverflow(value)
        sumNanoseconds = overflow ? .max : sum
        if let exemplar { attach(exemplar) }
    }

    /// Lets an observation that was counted be looked up.
    public mutating func attach(_ exemplar: Exemplar) {
        exemplars[bucket(of: exemplar.nanoseconds)] = exemplar
    }

    /// Adds the observations of another histogram with the same edges.
    public mutating func add(_ other: Histogram) {
        for index in counts.indices {
            counts[index] += other.counts[index]
            exemplars[index] = exemplars[index] ?? other.exemplars[index]
        }
        count += other.count
        let (sum, overflow) = sumNanoseconds.addingReportingOverflow(other.sumNanoseconds)
        sumNanoseconds = overflow ? .max : sum
    }

    /// The same with no fewer observations up to any edge than an earlier one had.
    ///
    /// What several threads count may be read while one has counted an observation, and not yet in which bucket.
    public func notBelow(_ earlier: Histogram) -> Histogram {
        var (now, then, shown) = (UInt64(0), UInt64(0), UInt64(0))
        var copy = self
        for index in counts.indices {
            now += counts[index]
            then += earlier.counts[index]
            copy.counts[index] = max(now, then) - shown
            shown = max(now, then)
        }
        copy.count = shown
        copy.sumNanoseconds = max(sumNanoseconds, earlier.sumNanoseconds)
        return copy
    }

    /// Creates a histogram of observations that were counted elsewhere.
    ///
    /// - Parameters:
    ///   - edges: the bucket edges.
    ///   - counts: observations in each bucket, and last those above the highest edge.
    ///   - sumNanoseconds: sum of all observations.
    public init(edges: HistogramEdges, counts: [UInt64], sumNanoseconds: Int64) {
        self.init(edges: edges)
        precondition(counts.count == self.counts.count, "one count for each bucket")
        self.counts = counts
        count = counts.reduce(0, +)
        self.sumNanoseconds = sumNanoseconds
    }

    private func bucket(of nanoseconds: Int64) -> Int {
        edges.nanoseconds.firstIndex { nanoseconds <= $0 } ?? edges.nanoseconds.count
    }
}
