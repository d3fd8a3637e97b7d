// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One iteration of a loop of another process while it goes on: from a return from the loop's wait to its next entry.
struct RemoteIteration: Sendable {
    /// Number of the episode within the target, once it is reported.
    var number: UInt64 = 0
    /// When it began; where no edge tells, since when it is proved to go on.
    var began: MonotonicInstant
    /// The earliest it can have begun.
    var earliest: MonotonicInstant
    /// Whether an edge tells its beginning.
    var isExact: Bool
    /// Events that the wait returned with.
    var events: Int64?
    /// Whether it was found to be many jobs, none of which blocks.
    var isOfManyJobs = false
    /// Whether its beginning was reported.
    var isReported = false
    /// Length at which the next report is due, in nanoseconds.
    var nextReportNanoseconds: Int64
    /// What was seen of the thread.
    var evidence: CauseEvidence
    /// The latest look at it.
    var latestLook: LoopLook?
    /// Whether a look found the thread in its wait although no edge told of its entry.
    var sawWait: MonotonicInstant?

    /// Length at an instant, without the times in which the process was stopped.
    func durationNanoseconds(at instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
        max(0, instant.nanoseconds(since: began) - interruptedNanoseconds(until: instant, interruptions: interruptions))
    }

    /// The most that its length can be, without the times in which the process was stopped.
    func upperNanoseconds(at instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
        let stopped = interruptions.overlapNanoseconds(from: earliest, to: instant, countsStarvation: false)
        return max(0, instant.nanoseconds(since: earliest) - stopped)
    }

    /// Time up to an instant in which the process was stopped, in nanoseconds.
    func interruptedNanoseconds(until instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
        interruptions.overlapNanoseconds(from: began, to: instant, countsStarvation: false)
    }

    /// Moves the next report to the first doubling that is not yet reached.
    mutating func scheduleNextReport(after nanoseconds: Int64) {
        while nextReportNanoseconds <= nanoseconds { nextReportNanoseconds *= 2 }
    }
}
