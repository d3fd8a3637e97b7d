// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What was captured for one report of a stall, and what is still to be.
struct StallCapture: Sendable {
    /// The stack of the blocked thread; of each thread that is known, for a pool.
    var stacks: [RawStack] = []
    /// Threads that compute: they can only be captured by signal, which takes a tick of the clock.
    var computing: [ThreadIdentifier] = []
    /// What the target was at: as long as it still is, this is to blame.
    var token: ProgressToken?
    /// Why there is no stack.
    var omitted: String?
    /// What the system call is about that the thread sleeps in.
    var causeDetail: String?

    /// Whether jobs wait for threads of Dispatch that work has which is not accounted, so that they are to be looked for.
    func isOfThreadsToBeFound(_ watched: WatchedTarget) -> Bool {
        guard case .started? = token, watched.target.isOnDispatchWorkers else { return false }
        return stacks.isEmpty && computing.isEmpty
    }
}
