// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What has been counted of one target's stalls since it was registered; the counters only grow.
public struct StallStatistics: Sendable, Equatable {
    /// Time from posting a beat to its running, one observation for each completed beat.
    public var lag = Histogram(edges: .lag)
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
    /// Thresholds in nanoseconds, indexed by `Severity.rawValue`.
    public var thresholdsNanoseconds: [Int64] = [0, 0, 0]

    /// Creates empty statistics.
    public init() {}

    /// Blocked time including the stall that goes on, up to the last look at it, in nanoseconds; only grows.
    public var blockedNanoseconds: Int64 { finishedStallNanoseconds + (certainStallNanoseconds ?? 0) }

    /// Longest stall including the one that goes on, in nanoseconds.
    public var longestNanoseconds: Int64 { max(longestFinishedNanoseconds, currentStallNanoseconds ?? 0) }
}
