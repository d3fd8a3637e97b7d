// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// What the families take their rows from: a snapshot, the targets of which are passed by reference.
///
/// The picture of a target has some thirty arrays in it: to copy it for each of the families took a third of a scrape.
struct MetricSource {
    /// The snapshot.
    let snapshot: WatchSnapshot
    /// Its loops.
    let loops: [Loop]
    /// Its pools.
    let pools: [Pool]

    /// Creates a source of a snapshot.
    init(_ snapshot: WatchSnapshot) {
        self.snapshot = snapshot
        loops = snapshot.loops.map { Loop($0) }
        pools = snapshot.pools.map { Pool($0) }
    }

    /// A loop of the snapshot.
    final class Loop: Sendable {
        private let loop: LoopSnapshot

        fileprivate init(_ loop: LoopSnapshot) { self.loop = loop }

        /// The target's name.
        var name: String { loop.name }
        /// Its counters.
        var statistics: StallStatistics { loop.statistics }
        /// What is to be known of a target in another process; `nil` in this one.
        var remote: RemoteTargetSnapshot? { loop.remote }
    }

    /// A pool of the snapshot.
    final class Pool: Sendable {
        private let pool: PoolSnapshot

        fileprivate init(_ pool: PoolSnapshot) { self.pool = pool }

        /// The target's name.
        var name: String { pool.name }
        /// Its counters.
        var statistics: StallStatistics { pool.statistics }
        /// Items that wait for a thread, where the pool can tell.
        var depth: Int? { pool.depth }
        /// Most threads the pool may have, where it can tell.
        var size: Int? { pool.size }
        /// What accounting of its jobs tells; only of Swift's global executor.
        var jobs: JobPoolSnapshot? { pool.jobs }
        /// What is to be known of a target in another process; `nil` in this one.
        var remote: RemoteTargetSnapshot? { pool.remote }
    }
}
