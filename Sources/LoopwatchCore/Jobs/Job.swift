// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What kind of job the runtime runs.
public enum JobKind: Int, Sendable, CaseIterable {
    /// A task, up to where it suspends.
    case task
    /// An actor: everything that waits for it, one after another.
    case actor
    /// A continuation without a task, such as that of `Task.yield`.
    case continuation
    /// Anything else.
    case other

    /// The label value.
    public var label: String {
        switch self {
        case .task: "task"
        case .actor: "actor"
        case .continuation: "continuation"
        case .other: "other"
        }
    }
}

/// Tells one job from all others: the slot of its thread, and when it began, on the clock of accounting.
public struct JobIdentity: Sendable, Hashable {
    /// The slot of its thread.
    public var slot: UInt32
    /// When it began, in ticks.
    public var startTicks: UInt64

    /// Creates an identity.
    public init(slot: UInt32, startTicks: UInt64) {
        self.slot = slot
        self.startTicks = startTicks
    }
}

/// A job that holds a thread, or held one for long.
public struct Job: Sendable, Hashable {
    /// Which it is.
    public var identity: JobIdentity
    /// Linux thread id of the thread that it holds.
    public var thread: Int32
    /// When it began to run.
    public var began: MonotonicInstant
    /// Where it waited.
    public var lane: JobLane
    /// What it is.
    public var kind: JobKind
    /// Number of the task, as `Task` debug descriptions have it; `nil` where it is none.
    public var task: UInt64?
    /// Name of the task, cut to 31 bytes; `nil` where it has none.
    public var name: String?
    /// Tells what an actor's job is at from what it was at before; `nil` where that is not known.
    public var within: UInt64?
    /// Mark of what started it, such as a test; `nil` where it has none, or that is not known.
    public var mark: UInt64?

    /// Creates a job.
    public init(
        identity: JobIdentity,
        thread: Int32,
        began: MonotonicInstant,
        lane: JobLane,
        kind: JobKind = .task,
        task: UInt64? = nil,
        name: String? = nil,
        within: UInt64? = nil,
        mark: UInt64? = nil
    ) {
        self.identity = identity
        self.thread = thread
        self.began = began
        self.lane = lane
        self.kind = kind
        self.task = task
        self.name = name
        self.within = within
        self.mark = mark
    }
}
