// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension HoldDetector {
    /// A job that holds its thread.
    struct Hold: Sendable {
        var job: Job
        /// When what it is at began: later than the job for an actor's that runs one task after another.
        var began: MonotonicInstant
        /// When an actor's job was first seen at the task that it is at; `nil` where that is not known.
        var taskSeen: MonotonicInstant?
        var evidence: CauseEvidence
        var number: UInt64 = 0
        var isReported = false
        /// Whether a report that all threads are held told of it.
        var isCovered = false
        var nextReportNanoseconds: Int64
        /// Number of what was prepared for its first report.
        var preparation: UInt64?

        /// Whether it is certain that it is at what it is since it began.
        ///
        /// An actor's job that is seen for the first time long after it began may have run many tasks by then. One that is
        /// seen at the same task again most likely has no other: those that run very many have short ones.
        func isCertain(at instant: MonotonicInstant, _ policy: DetectionPolicy) -> Bool {
            taskSeen.map { instant.nanoseconds(since: $0) >= policy.lookNanoseconds } ?? true
        }

        func durationNanoseconds(at instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
            max(
                0,
                instant.nanoseconds(since: began) - interruptedNanoseconds(until: instant, interruptions: interruptions)
            )
        }

        func interruptedNanoseconds(until instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
            interruptions.overlapNanoseconds(
                from: began,
                to: instant,
                countsStarvation: evidence.activeNanoseconds == nil
            )
        }
    }
}
