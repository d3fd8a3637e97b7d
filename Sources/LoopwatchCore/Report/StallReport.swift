// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is said of one stall at one moment: a line of the log, an object of `/warnings`.
public struct StallReport: Sendable, Equatable {
    /// Where the stall stands.
    public enum State: String, Sendable {
        /// The threshold was crossed just now, and the target is still blocked.
        case begun
        /// Still blocked, at a doubling of the threshold.
        case ongoing
        /// Over: the duration is final.
        case ended
    }

    /// What happened.
    public enum Kind: String, Sendable {
        /// The target made no progress: text says "blocked".
        case stall
        /// The target is late because of very many short jobs: text says "congested".
        case congestion
        /// One job holds a thread of a pool for too long: text says "thread held".
        case hold
        /// The whole process did not run: text says "suspended" or "starved of CPU".
        case interruption
    }

    /// What kind of thing is blocked; the first word of the warning.
    public enum Subject: String, Sendable {
        /// A serial target.
        case loop
        /// A concurrent target.
        case pool
        /// The watched process as a whole.
        case process
    }

    /// Number of this report, ascending from 1 in the order in which reports were made.
    public var sequence: UInt64
    /// Number of the stall: all reports of one stall share it.
    public var stall: UInt64
    /// Where the stall stands.
    public var state: State
    /// What happened.
    public var kind: Kind
    /// What it happened to.
    public var subject: Subject
    /// Name of the target; of the process for `Subject.process`.
    public var target: String
    /// How bad it is; `nil` for what is not the application's doing (`Kind.interruption`).
    public var severity: Severity?
    /// Length so far, or in all once ended, in nanoseconds; without the time in which the whole process stood still.
    public var durationNanoseconds: Int64
    /// Unix time at which the stall began, in nanoseconds.
    public var beganUnixNanoseconds: Int64
    /// Unix time of this report, in nanoseconds.
    public var unixNanoseconds: Int64
    /// Why.
    public var cause: Cause
    /// CPU time of the blocked thread over the length of the stall, 0 to 1, where it is known.
    public var cpuShare: Double?
    /// Linux thread id of the blocked thread, where it is known.
    public var threadIdentifier: Int32?
    /// Time within the stall in which the whole process stood still, in nanoseconds; not part of the duration.
    public var interruptedNanoseconds: Int64
    /// Items that wait for the pool, where it tells.
    public var depth: Int?
    /// Connections that waited to be accepted by the process while its loop was blocked, the most that were seen; `nil` where
    /// none did, or it is not known.
    public var waitingConnections: Int?
    /// Stalls of the same fingerprint that were not written since the last one that was.
    public var suppressed: UInt64
    /// What the blocked thread was doing, where that could be captured.
    public var stack: Stack?
    /// Why there is no stack, in words.
    public var stackOmitted: String?
    /// What the cause is about, where that is known: the path or the peer of the file descriptor of a system call.
    public var causeDetail: String?
    /// What was found of Swift's pool.
    public var pool: PoolFinding?
    /// The process it happened in; `nil` where that is the one that Loopwatch runs in.
    public var process: RemoteProcessName?
    /// How far the report can be relied on; `nil` where Loopwatch runs in the process, and all is exact.
    public var evidence: EvidenceGrade?
    /// The most that its length can be, in nanoseconds, where only its least is proved; `nil` where it is exact.
    public var durationUpperNanoseconds: Int64?
    /// What the threads of a pool were doing, threads with the same stack together, the most first.
    public var groups: [StackGroup]

    /// Creates a report.
    public init(
        sequence: UInt64,
        stall: UInt64,
        state: State,
        kind: Kind,
        subject: Subject,
        target: String,
        severity: Severity?,
        durationNanoseconds: Int64,
        beganUnixNanoseconds: Int64,
        unixNanoseconds: Int64,
        cause: Cause,
        cpuShare: Double? = nil,
        threadIdentifier: Int32? = nil,
        interruptedNanoseconds: Int64 = 0,
        depth: Int? = nil,
        suppressed: UInt64 = 0,
        stack: Stack? = nil,
        stackOmitted: String? = nil,
        causeDetail: String? = nil,
        pool: PoolFinding? = nil,
        process: RemoteProcessName? = nil,
        evidence: EvidenceGrade? = nil,
        durationUpperNanoseconds: Int64? = nil,
        groups: [StackGroup] = [],
        waitingConnections: Int? = nil
    ) {
        self.sequence = sequence
        self.stall = stall
        self.state = state
        self.kind = kind
        self.subject = subject
        self.target = target
        self.severity = severity
        self.durationNanoseconds = durationNanoseconds
        self.beganUnixNanoseconds = beganUnixNanoseconds
        self.unixNanoseconds = unixNanoseconds
        self.cause = cause
        self.cpuShare = cpuShare
        self.threadIdentifier = threadIdentifier
        self.interruptedNanoseconds = interruptedNanoseconds
        self.depth = depth
        self.suppressed = suppressed
        self.stack = stack
        self.stackOmitted = stackOmitted
        self.causeDetail = causeDetail
        self.pool = pool
        self.process = process
        self.evidence = evidence
        self.durationUpperNanoseconds = durationUpperNanoseconds
        self.groups = groups
        self.waitingConnections = waitingConnections
    }
}
