// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is to be done before the report of a block is due: its thread is captured, and the names of its code are read.
///
/// What was prepared serves the report that has the same number (``ReportDraft/preparation``), and no other: the job may
/// end in time, or turn out to be many short ones.
public struct Preparation: Sendable, Equatable {
    /// Number within the target, ascending from 1: one for each job.
    public var number: UInt64
    /// The thread that may be blocked, where it is known.
    public var thread: Int32?

    /// Creates a preparation.
    public init(number: UInt64, thread: Int32?) {
        self.number = number
        self.thread = thread
    }
}
