// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One stall or congestion while it goes on.
struct Episode: Sendable {
    /// Number within the target.
    var number: UInt64
    /// When it began.
    var began: MonotonicInstant
    /// The earliest it can have begun.
    var earliest: MonotonicInstant
    /// The first look at which it was going on.
    var seen: MonotonicInstant
    /// Whether its thread computed at that look, and so may have run many short jobs before it.
    var wasComputing = false
    /// CPU time of its thread since that look, in nanoseconds.
    var ranNanoseconds: Int64 = 0
    /// The same with the time for which the thread waited for a CPU.
    var activeNanoseconds: Int64 = 0
    /// Which part of the time since that look the thread's clocks account for, 0.25 to 1.
    var activeShare: Double = 1
    /// When it was first thought to have begun.
    var beganAtFirst: MonotonicInstant
    /// How many times its thread was put on a CPU between the last proof of freedom and that look; `nil` if that is unknown.
    var runsBefore: Int64?
    /// The same between that look and the latest.
    var runsSince: Int64 = 0
    /// Whether its beginning is known from when the thread went to sleep, and no longer a guess.
    var isStartKnown = false
    /// Whether its beginning was reported.
    var isReported = false
    /// Number of what was prepared for the report of its beginning; `nil` as long as nothing was.
    var preparation: UInt64?
    /// Length at which the next report is due, in nanoseconds.
    var nextReportNanoseconds: Int64
    /// What was seen of the thread.
    var evidence: CauseEvidence

    /// Whether its thread is known to have been put on a CPU more than once before that look.
    var ranOften: Bool { (runsBefore ?? 0) > 1 }

    /// Length at an instant, without the interruptions in between.
    func durationNanoseconds(at instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
        max(0, instant.nanoseconds(since: began) - interruptedNanoseconds(until: instant, interruptions: interruptions))
    }

    /// Interruptions up to an instant, in nanoseconds.
    ///
    /// That the watchdog waited for a CPU says something of the target only where nothing is known of its own thread: that
    /// has its own wait for a CPU counted, and slept or computed all the same.
    func interruptedNanoseconds(until instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
        interruptions.overlapNanoseconds(from: began, to: instant, countsStarvation: evidence.activeNanoseconds == nil)
    }

    /// Moves the next report to the first doubling that is not yet reached.
    mutating func scheduleNextReport(after nanoseconds: Int64) {
        while nextReportNanoseconds <= nanoseconds { nextReportNanoseconds *= 2 }
    }
}
