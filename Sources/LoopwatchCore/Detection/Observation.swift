// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What one look at a target told, without touching it.
public struct Observation: Sendable, Equatable {
    /// Whether the target makes progress.
    public enum Progress: Sendable, Equatable {
        /// Proved: it waits for work, and has nothing to do.
        case free
        /// It runs something.
        case busy
        /// It runs something else than at the last look: a job has ended in between.
        case advanced
        /// There is no evidence but beats.
        case unknown
    }

    /// When the look was taken.
    public var instant: MonotonicInstant
    /// What it told.
    public var progress: Progress
    /// The thread that serves the target, where it is known.
    public var thread: Int32?
    /// CPU time that thread used since the look before, in nanoseconds, where it is known.
    public var computedNanoseconds: Int64?
    /// Time that thread waited for a CPU since the look before, in nanoseconds, where it is known.
    public var delayedNanoseconds: Int64?
    /// Time since the look before in which the CPU quota of the process's control group was used up, in nanoseconds.
    public var throttledNanoseconds: Int64 = 0
    /// How many times the kernel put that thread on a CPU since the look before, where it is known.
    public var runs: Int64?
    /// When that thread went to sleep, if it sleeps in a system call that is not its way of waiting for work, and if it
    /// was asked for (``StallDetector/wantsBlockStart(at:)``).
    ///
    /// Of a pool, since when all of its threads are in jobs, asleep or not.
    public var sleepingSince: MonotonicInstant?
    /// The system call that it sleeps in.
    public var call: BlockingCall?
    /// Whether that thread is known to run, or to be ready to.
    public var isReady: Bool
    /// Whether threads of a pool were ready, and got less than half of the time: something else had the CPU.
    public var isKeptFromCPU = false
    /// Whether it sleeps in a call in which it was never found to wait for work, although it is known how it does, or is a
    /// pool of which all threads have just begun to do something else: whether it answers a beat is worth a look soon.
    public var isAsleepElsewhere = false
    /// Whether the process has hardly used the CPU since the look before, so that looking less often loses little.
    public var isProcessQuiet: Bool
    /// Items that wait for the target, where it tells.
    public var depth: Int?

    /// Creates an observation; by default it tells nothing.
    public init(
        instant: MonotonicInstant,
        progress: Progress,
        thread: Int32? = nil,
        computedNanoseconds: Int64? = nil,
        delayedNanoseconds: Int64? = nil,
        runs: Int64? = nil,
        sleepingSince: MonotonicInstant? = nil,
        call: BlockingCall? = nil,
        isReady: Bool = false,
        isProcessQuiet: Bool = false,
        depth: Int? = nil
    ) {
        self.instant = instant
        self.progress = progress
        self.thread = thread
        self.computedNanoseconds = computedNanoseconds
        self.delayedNanoseconds = delayedNanoseconds
        self.runs = runs
        self.sleepingSince = sleepingSince
        self.call = call
        self.isReady = isReady
        self.isProcessQuiet = isProcessQuiet
        self.depth = depth
    }
}

/// What a thread did since the last look, without where it is now.
public struct ThreadUsage: Sendable, Equatable {
    /// When this was read.
    public var instant: MonotonicInstant
    /// CPU time that the thread used, in nanoseconds.
    public var computedNanoseconds: Int64
    /// Time for which it waited for a CPU, in nanoseconds, where it is known.
    public var delayedNanoseconds: Int64?
    /// Time in which the CPU quota of the process's control group was used up, in nanoseconds.
    public var throttledNanoseconds: Int64 = 0

    /// Creates a reading.
    public init(instant: MonotonicInstant, computedNanoseconds: Int64, delayedNanoseconds: Int64? = nil) {
        self.instant = instant
        self.computedNanoseconds = computedNanoseconds
        self.delayedNanoseconds = delayedNanoseconds
    }
}

/// A system call that a thread sleeps in.
public struct BlockingCall: Sendable, Hashable {
    /// The kernel's name of it.
    public var name: String
    /// Whether it is the call in which locks wait (`futex`).
    public var isLock: Bool

    /// Creates a call.
    public init(name: String, isLock: Bool) {
        self.name = name
        self.isLock = isLock
    }
}
