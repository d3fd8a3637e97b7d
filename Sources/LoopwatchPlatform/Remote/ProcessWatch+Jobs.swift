// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Iterations of loops that go on, and whether they are one job or many.
extension ProcessWatch {
    /// The loops that have been away from their wait for a time, with their thread and since when.
    package func loopsAway(
        forNanoseconds nanoseconds: Int64,
        at now: MonotonicInstant
    ) -> [(target: RemoteTargetIdentity, thread: Int32, since: MonotonicInstant)] {
        loops.indices.compactMap { index in
            guard let since = loops[index].detector.awaySince, now.nanoseconds(since: since) >= nanoseconds else {
                return nil
            }
            return (loops[index].identity, loops[index].view.identifier, since)
        }
    }

    /// Tells that a block that goes on was found to be many jobs in one iteration, none of which blocks.
    package mutating func noteManyJobs(inEpisode episode: UInt64, of target: RemoteTargetIdentity) {
        guard let index = loops.firstIndex(where: { $0.identity == target }) else { return }
        loops[index].detector.noteManyJobs(inEpisode: episode)
    }

    /// Tells what the iteration of a loop that goes on is made of.
    ///
    /// - Parameters:
    ///   - isOfManyJobs: whether it is many jobs, none of which blocks as far as is known.
    ///   - began: when that iteration began.
    ///   - target: the loop.
    ///   - now: now.
    package mutating func note(
        isOfManyJobs: Bool,
        inIterationFrom began: MonotonicInstant,
        of target: RemoteTargetIdentity,
        now: MonotonicInstant
    ) {
        guard let index = loops.firstIndex(where: { $0.identity == target }) else { return }
        loops[index].detector.note(
            isOfManyJobs: isOfManyJobs,
            inIterationFrom: began,
            at: now,
            interruptions: loops[index].interruptions
        )
    }
}
