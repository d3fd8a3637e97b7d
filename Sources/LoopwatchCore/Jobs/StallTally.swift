// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Counts the stalls of a part of a pool.
struct StallTally: Sendable {
    private var finished: StallStatistics
    private var latestBegan: MonotonicInstant?

    init(_ policy: DetectionPolicy) { finished = StallStatistics(policy) }

    /// Notes that a stall is told of that began at an instant.
    mutating func began(at instant: MonotonicInstant) { latestBegan = instant }

    /// Counts a stall that has ended.
    mutating func ended(_ draft: ReportDraft) { finished.count(draft) }

    /// Counts a congestion that has ended.
    mutating func congestionEnded(nanoseconds: Int64) {
        finished.congestions += 1
        finished.congestedNanoseconds += nanoseconds
    }

    /// What was counted, without what goes on.
    func statistics(at instant: MonotonicInstant, unixNanoseconds: Int64) -> StallStatistics {
        var result = finished
        if let latestBegan {
            result.latestStallBeganUnixNanoseconds = unixNanoseconds - instant.nanoseconds(since: latestBegan)
        }
        return result
    }
}

extension StallStatistics {
    /// Empty statistics of what is watched by a policy.
    init(_ policy: DetectionPolicy) {
        let thresholds = policy.thresholds
        thresholdsNanoseconds = [thresholds.warning, thresholds.error, thresholds.critical].map(\.wholeNanoseconds)
    }

    /// Adds a stall that goes on: its length so far, and the part of it that nothing can take back.
    mutating func addCurrent(nanoseconds: Int64, certainNanoseconds: Int64?) {
        currentStallNanoseconds = max(currentStallNanoseconds ?? 0, nanoseconds)
        if let certainNanoseconds {
            certainStallNanoseconds = (certainStallNanoseconds ?? 0) + certainNanoseconds
        }
    }
}
