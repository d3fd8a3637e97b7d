// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What one target came to in each of the last intervals: bounded, and cheap enough for a thousand targets.
public struct LagHistory: Sendable, Equatable {
    /// One interval of a target.
    public struct Point: Sendable, Equatable {
        /// The highest lag, or the length of the longest block that ended or went on, in microseconds.
        public var maximumMicroseconds: UInt32
        /// Blocked time, in microseconds.
        public var blockedMicroseconds: UInt32

        /// An interval that nobody recorded.
        public static let missing = Point(maximumMicroseconds: .max, blockedMicroseconds: .max)

        /// Whether nobody recorded the interval.
        public var isMissing: Bool { self == .missing }
    }

    /// The target's lag as it had been counted at some instant: what came later is the difference.
    private struct Reading: Equatable {
        var end: MonotonicInstant
        var counts: [UInt64]
    }

    /// A ring: the oldest point is at `start` once it is full.
    private var ring: [Point] = []
    private var start = 0
    private var latest: Int64
    private var readings: [Reading]
    private var lagCounts: [UInt64]
    private var blockedNanoseconds: Int64 = 0
    private var recorded = 0

    /// Creates the history of a target that was first seen in an interval.
    ///
    /// Everything counted so far is taken to be of that interval: a target is seen within one after it was registered.
    public init(firstInterval: Int64) {
        latest = firstInterval - 1
        lagCounts = [UInt64](repeating: 0, count: HistogramEdges.lag.nanoseconds.count + 1)
        readings = [Reading(end: LagPeaks.end(ofInterval: latest), counts: lagCounts)]
    }

    /// Records an interval that is over.
    ///
    /// Intervals between the latest and this one are missing; one that is not later changes nothing.
    public mutating func record(_ statistics: StallStatistics, interval: Int64) {
        guard interval > latest else { return }
        for _ in 0..<min(interval - latest - 1, Int64(Limits.historyPoints)) { append(.missing) }
        let blocked = max(0, statistics.blockedNanoseconds - blockedNanoseconds)
        append(
            Point(
                maximumMicroseconds: Self.microseconds(peak(of: statistics, interval)),
                blockedMicroseconds: Self.microseconds(blocked)
            )
        )
        latest = interval
        blockedNanoseconds = max(blockedNanoseconds, statistics.blockedNanoseconds)
        lagCounts = statistics.lag.counts
        recorded += 1
        if recorded % (Limits.historyPoints / Limits.historyReadings) == 0 {
            readings.append(Reading(end: LagPeaks.end(ofInterval: interval), counts: lagCounts))
            if readings.count > Limits.historyReadings { readings.removeFirst() }
        }
    }

    /// The latest points, oldest first, at most so many; the last one is that of the interval recorded last.
    public func points(last limit: Int) -> [Point] {
        let ordered = ring[start...] + ring[..<start]
        return Array(ordered.suffix(max(0, limit)))
    }

    /// The lag over the time that is remembered.
    ///
    /// - Parameters:
    ///   - statistics: what is counted by now.
    ///   - now: the instant of that.
    /// - Returns: the lag observed since then, and how long that is, in nanoseconds.
    public func window(_ statistics: StallStatistics, at now: MonotonicInstant) -> (lag: Histogram, nanoseconds: Int64)
    {
        let before = readings[0]
        // A target of the same name may have been registered anew, and begin from nothing.
        let counts = zip(statistics.lag.counts, before.counts).map { $0 >= $1 ? $0 - $1 : $0 }
        return (
            Histogram(edges: statistics.lag.edges, counts: counts, sumNanoseconds: 0),
            max(0, now.nanoseconds(since: before.end))
        )
    }

    private mutating func append(_ point: Point) {
        if ring.count < Limits.historyPoints {
            ring.append(point)
        } else {
            ring[start] = point
            start = (start + 1) % Limits.historyPoints
        }
    }

    /// The highest lag of an interval, in nanoseconds.
    ///
    /// Accounting counts the waits of jobs in buckets only: where those say more than the peaks, the bucket's upper edge is
    /// told, which no wait was above.
    private func peak(of statistics: StallStatistics, _ interval: Int64) -> Int64 {
        let peaks = statistics.lagPeaks
        let peak = max(peaks.nanoseconds(ofInterval: interval), statistics.currentStallNanoseconds ?? 0)
        let edges = statistics.lag.edges.nanoseconds
        guard
            let highest = zip(statistics.lag.counts, lagCounts).map({ $0 > $1 }).lastIndex(of: true),
            max(peak, peaks.nanoseconds(ofInterval: interval + 1)) <= (highest == 0 ? -1 : edges[highest - 1])
        else { return peak }
        return max(peak, edges[min(highest, edges.count - 1)])
    }

    private static func microseconds(_ nanoseconds: Int64) -> UInt32 {
        // The highest number is that of a missing point.
        UInt32(clamping: min(max(0, nanoseconds) / 1_000, Int64(UInt32.max) - 1))
    }
}
