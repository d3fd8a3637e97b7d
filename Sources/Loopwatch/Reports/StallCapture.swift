// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// What was captured for one report of a stall.
struct StallCapture: Sendable {
    /// The stack of the blocked thread; of each thread that is known, for a pool.
    var stacks: [RawStack] = []
    /// Why there is none.
    var omitted: String?
    /// What the system call is about that the thread sleeps in.
    var causeDetail: String?
}
