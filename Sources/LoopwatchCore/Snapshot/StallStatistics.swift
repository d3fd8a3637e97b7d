// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What has been counted of one target's stalls since it was registered; the counters only grow.
public struct StallStatistics: Sendable, Equatable {
    /// Time from posting a beat to its running, one observation for each completed beat.
    public var lag = Histogram(edges: .lag)
    /// The highest lag, and the longest block that ended, in this interval of the history and in the one before.
    public var lagPeaks = LagPeaks()
    /// Duration of finished stalls.
    public var stallDuration = Histogram(edges: .stall)
    /// Blocked time of finished stalls, in nanoseconds.
    public var finishedStallNanoseconds: Int64 = 0
    /// Finished stalls by the highest severity reached, indexed by `Severity.rawValue`.
    public var stallsBySeverity: [UInt64] = [0, 0, 0]
    /// Finished stalls by cause, indexed like `Cause.blockLabels`.
    public var stallsByCause = [UInt64](repeating: 0, count: Cause.blockLabels.count)
    /// Blocked nanoseconds of finished stalls by cause, indexed like `Cause.blockLabels`.
    public var stallNanosecondsByCause = [Int64](repeating: 0, count: Cause.blockLabels.count)
    /// Longest finished stall, in nanoseconds.
    public var longestFinishedNanoseconds: Int64 = 0
    /// Unix time at which the latest stall began, in nanoseconds; 0 if there was none.
    public var latestStallBeganUnixNanoseconds: Int64 = 0
    /// Length so far of the stall that goes on, in nanoseconds; `nil` if the target is not blocked.
    public var currentStallNanoseconds: Int64?
    /// The part of it that no answer on its way can take back, in nanoseconds: what a counter may show, which only grows.
    public var certainStallNanoseconds: Int64?
    /// Finished congestions.
    public var congestions: UInt64 = 0
    /// Congested time, in nanoseconds, including the congestion that goes on.
    public var congestedNanoseconds: Int64 = 0
    /// Nanoseconds since the target was last proved free.
    public var heartbeatAgeNanoseconds: Int64 = 0
    /// Beats posted.
    public var beats: UInt64 = 0
    /// Times at which a beat was due and none was posted because the last one had not run yet.
    public var beatsSkipped: UInt64 = 0
    /// Times at which the target was proved to wait, so that no beat was needed.
    public var parkChecks: UInt64 = 0
    /// Times for which a loop of another process was busy for longer than the threshold without a proof that it was one
    /// job; not among the stalls.
    public var unprovenStretches: UInt64 = 0
    /// Their length, in nanoseconds.
    public var unprovenNanoseconds: Int64 = 0
    /// Times at which the kernel dropped edges of a loop of another process.
    public var edgesLost: UInt64 = 0
    /// Thresholds in nanoseconds, indexed by `Severity.rawValue`.
    public var thresholdsNanoseconds: [Int64] = [0, 0, 0]

    /// Creates empty statistics.
    public init() {}

    /// Blocked time including the stall that goes on, up to the last look at it, in nanoseconds; only grows.
    public var blockedNanoseconds: Int64 { finishedStallNanoseconds + (certainStallNanoseconds ?? 0) }

    /// Longest stall including the one that goes on, in nanoseconds.
    public var longestNanoseconds: Int64 { max(longestFinishedNanoseconds, currentStallNanoseconds ?? 0) }

    /// The same with another's thresholds, which do not depend on what was counted.
    public func withThresholds(of other: StallStatistics) -> StallStatistics {
        var copy = self
        copy.thresholdsNanoseconds = other.thresholdsNanoseconds
        return copy
    }

    /// Counts a stall that has ended.
    mutating func count(_ draft: ReportDraft) {
        stallDuration.observe(nanoseconds: draft.durationNanoseconds)
        lagPeaks.observe(nanoseconds: draft.durationNanoseconds, at: draft.until)
        finishedStallNanoseconds += draft.durationNanoseconds
        stallsBySeverity[draft.severity.rawValue] += 1
        longestFinishedNanoseconds = max(longestFinishedNanoseconds, draft.durationNanoseconds)
        let label = Cause.blockLabels.firstIndex(of: draft.cause.label) ?? Cause.blockLabels.count - 1
        stallsByCause[label] += 1
        stallNanosecondsByCause[label] += draft.durationNanoseconds
    }

    /// Adds what another part of the same target came to; of what goes on, the longest counts.
    public mutating func add(_ other: StallStatistics) {
        stallDuration.add(other.stallDuration)
        lagPeaks.add(other.lagPeaks)
        finishedStallNanoseconds += other.finishedStallNanoseconds
        for index in stallsBySeverity.indices { stallsBySeverity[index] += other.stallsBySeverity[index] }
        for index in stallsByCause.indices {
            stallsByCause[index] += other.stallsByCause[index]
            stallNanosecondsByCause[index] += other.stallNanosecondsByCause[index]
        }
        longestFinishedNanoseconds = max(longestFinishedNanoseconds, other.longestFinishedNanoseconds)
        latestStallBeganUnixNanoseconds = max(latestStallBeganUnixNanoseconds, other.latestStallBeganUnixNanoseconds)
        func longest(_ left: Int64?, _ right: Int64?) -> Int64? {
            guard let left, let right else { return left ?? right }
            return max(left, right)
        }
        currentStallNanoseconds = longest(currentStallNanoseconds, other.currentStallNanoseconds)
        // Blocked time is that of all parts.
        if let certain = other.certainStallNanoseconds {
            certainStallNanoseconds = (certainStallNanoseconds ?? 0) + certain
        }
        congestions += other.congestions
        congestedNanoseconds += other.congestedNanoseconds
        unprovenStretches += other.unprovenStretches
        unprovenNanoseconds += other.unprovenNanoseconds
        edgesLost += other.edgesLost
    }
}
