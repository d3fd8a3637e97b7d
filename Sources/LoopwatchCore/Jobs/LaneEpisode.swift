// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension LaneDetector {
    /// A time for which jobs have waited.
    struct Episode: Sendable {
        var began: MonotonicInstant
        var number: UInt64 = 0
        var isReported = false
        var nextReportNanoseconds: Int64
        /// Number of what was prepared for its first report.
        var preparation: UInt64?
        /// The job that had begun last when it began.
        var lastStartTicks: UInt64 = 0
        var finding: PoolFinding.Kind = .starved
        var cause = Cause.starvation
        /// What held the threads when it was last looked at, and the most jobs that waited.
        var held = 0
        var holderCause: Cause?
        var waitingMost = 0
        /// What the threads of the process had waited for a CPU when that was first read, and whether they did for most of
        /// the time since.
        var delay: (instant: MonotonicInstant, nanoseconds: Int64)?
        var isKeptFromCPU = false

        mutating func note(delayNanoseconds: Int64, at instant: MonotonicInstant) {
            guard let delay else {
                delay = (instant, delayNanoseconds)
                return
            }
            isKeptFromCPU = (delayNanoseconds - delay.nanoseconds) * 2 >= instant.nanoseconds(since: delay.instant)
        }
    }

    /// What holds the lane's threads.
    struct Holders {
        /// The jobs, the longest first.
        var jobs: [Job]
        /// Why each does not go on, where that is known.
        var causes: [Cause]

        var mostFrequentCause: Cause? {
            let counts = Dictionary(grouping: causes.filter { $0 != .unknown }) { $0 }.mapValues(\.count)
            return counts.max { ($0.value, $1.key.text) < ($1.value, $0.key.text) }?.key
        }
    }

    /// What belongs to a look.
    struct Context {
        var holders: Holders
        var width: Int
        var interruptions: InterruptionLog
    }

    /// Length without interruptions, in nanoseconds.
    static func length(
        from began: MonotonicInstant,
        to end: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> Int64 {
        max(0, end.nanoseconds(since: began) - interruptions.overlapNanoseconds(from: began, to: end))
    }
}
