// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is to be captured before a report of an accounted pool is due.
public struct JobPreparation: Sendable {
    /// Its number, which the report has.
    public var preparation: Preparation
    /// Where the jobs waited.
    public var lane: JobLane
    /// The jobs that hold threads: one for a held thread; of a priority that waits, those that are known.
    public var holders: [Job]
    /// Of a priority that waits: how many of its jobs had begun; `nil` for a held thread.
    public var started: UInt64?
}
