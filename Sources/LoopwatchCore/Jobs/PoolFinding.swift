// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a report says of Swift's pool beyond its length.
public struct PoolFinding: Sendable, Equatable {
    /// What was found.
    public enum Kind: Sendable, Equatable {
        /// One job holds its thread for too long.
        case heldThread
        /// Every thread of a priority is held, and jobs wait.
        case starved
        /// Jobs wait and none begins, though not every thread is held by a job: other work has the threads.
        case takenByOthers
        /// Jobs begin all the time, and still wait for too long.
        case congested
        /// All threads of a pool in another process are busy; what waits for them is seldom to be seen.
        case saturated
    }

    /// What was found.
    public var kind: Kind
    /// The priority, or the main actor.
    public var lane: JobLane
    /// The jobs that hold threads, the longest first; at most ``Limits/poolThreadsCaptured``.
    public var holders: [Job]
    /// Threads that are held, also those that are not listed.
    public var held: Int
    /// Why most of those do not go on; `nil` where that is not known.
    public var holderCause: Cause?
    /// Jobs that wait; at the end, the most that did.
    public var waiting: Int
    /// Threads that the priority may have.
    public var width: Int
    /// For how long the job that has waited longest has waited, in nanoseconds.
    public var oldestWaitNanoseconds: Int64?
    /// Whether it is Swift's pool, and not one that the host has metered.
    public var isOfSwift = true

    /// Creates a finding.
    public init(
        kind: Kind,
        lane: JobLane,
        holders: [Job],
        held: Int,
        width: Int,
        holderCause: Cause? = nil,
        waiting: Int = 0,
        oldestWaitNanoseconds: Int64? = nil
    ) {
        self.kind = kind
        self.lane = lane
        self.holders = holders
        self.held = held
        self.width = width
        self.holderCause = holderCause
        self.waiting = waiting
        self.oldestWaitNanoseconds = oldestWaitNanoseconds
    }
}
