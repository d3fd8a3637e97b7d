// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a detector has to say; the shell adds names, numbers and wall time.
public struct ReportDraft: Sendable, Equatable {
    /// Where the stall stands.
    public var state: StallReport.State
    /// Stall or congestion.
    public var kind: StallReport.Kind
    /// Number of the episode within the target, ascending from 1.
    public var episode: UInt64
    /// When it began.
    public var began: MonotonicInstant
    /// When it ended, or until when it has been watched.
    public var until: MonotonicInstant
    /// Length in nanoseconds, without interruptions.
    public var durationNanoseconds: Int64
    /// Interruptions within it, in nanoseconds.
    public var interruptedNanoseconds: Int64
    /// Severity by length.
    public var severity: Severity
    /// Why.
    public var cause: Cause
    /// CPU time over elapsed time, where it is known.
    public var cpuShare: Double?
    /// The blocked thread, where it is known.
    public var thread: Int32?
    /// Items that wait, where the target tells.
    public var depth: Int?
    /// What was prepared for this report (``Preparation/number``); `nil` if nothing was.
    public var preparation: UInt64?
    /// Of a priority of a pool: how many of its jobs had begun when it was looked at (``JobReading/Lane/started``).
    ///
    /// As long as no other has, it waits for the same.
    public var started: UInt64?
    /// What was found of Swift's pool.
    public var pool: PoolFinding?
    /// How far it may be trusted, for a target of another process; `nil` for one of this process.
    public var evidence: EvidenceGrade?
    /// The most that its length can be, in nanoseconds, where only its least is proved (``EvidenceGrade/bounded``).
    public var durationUpperNanoseconds: Int64?
    /// Connections that wait to be accepted by the process, of which a loop is blocked; the most that were seen meanwhile.
    public var waitingConnections: Int?
    /// Events with which the loop returned from its wait: a long iteration with many events may be many short jobs.
    public var events: Int64?
}
