// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What a blocked target was at when it was looked at: as long as it still is, a stack that is captured is to blame.
enum ProgressToken: Sendable, Hashable {
    /// The beat that was out.
    case beat(UInt64)
    /// The job that held a thread.
    case job(JobIdentity)
    /// How many jobs of a priority had begun.
    case started(JobLane, UInt64)

    /// Whether it tells of the same beat's target, of the same job, or of the same priority: a pool may be at several jobs,
    /// and wait at several priorities.
    func isOfSame(as other: ProgressToken) -> Bool {
        switch (self, other) {
        case (.beat, .beat): true
        case (.job(let job), .job(let other)): job == other
        case (.started(let lane, _), .started(let other, _)): lane == other
        default: false
        }
    }
}

extension WatchedTarget {
    /// Whether the target is still at what it was at.
    ///
    /// Safe from any thread.
    func isStill(at token: ProgressToken) -> Bool {
        switch token {
        case .beat(let number): cell.numberOut == number
        case .job(let identity): target.meter?.counts.isRunning(identity) ?? JobReader.isRunning(identity)
        case .started(let lane, let count): jobsStarted(lane) == count
        }
    }

    /// How many of its jobs have begun, of a lane.
    ///
    /// Safe from any thread.
    func jobsStarted(_ lane: JobLane) -> UInt64 {
        target.meter.map { UInt64($0.counts.started) } ?? JobReader.started(lane)
    }

    /// What the target is at, as beats tell; `nil` if none is out.
    var beatToken: ProgressToken? { cell.numberOut.map { .beat($0) } }
}
