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
        loops = snapshot.loops.map { Loop($0, process: snapshot.process) }
        pools = snapshot.pools.map { Pool($0, process: snapshot.process) }
    }

    /// Bytes that an exposition will have, roughly: one that grows is copied each time that it doubles.
    var bytesExpected: Int { Self.bytesOfWatch + (loops.count + pools.count) * Self.bytesOfTarget }

    /// What the families that do not belong to a target take, and what one target takes.
    private static let bytesOfWatch = 32_768
    private static let bytesOfTarget = 7_168

    /// A loop of the snapshot.
    final class Loop: LabelledTarget {
        /// Its labels.
        let labels: TargetLabels
        /// Its counters.
        let statistics: StallStatistics
        /// What is to be known of a target in another process; `nil` in this one.
        let remote: RemoteTargetSnapshot?

        fileprivate init(_ loop: LoopSnapshot, process: String) {
            labels = TargetLabels(
                process: loop.remote?.process.name ?? process,
                kind: TargetLabels.loop,
                name: loop.name
            )
            statistics = loop.statistics
            remote = loop.remote
        }
    }

    /// A pool of the snapshot.
    final class Pool: LabelledTarget {
        /// Its labels.
        let labels: TargetLabels
        /// Its counters.
        let statistics: StallStatistics
        /// Items that wait for a thread, where the pool can tell.
        let depth: Int?
        /// Most threads the pool may have, where it can tell.
        let size: Int?
        /// What accounting of its jobs tells; only of Swift's global executor.
        let jobs: JobPoolSnapshot?
        /// What is to be known of a target in another process; `nil` in this one.
        let remote: RemoteTargetSnapshot?

        fileprivate init(_ pool: PoolSnapshot, process: String) {
            labels = TargetLabels(
                process: pool.remote?.process.name ?? process,
                kind: TargetLabels.pool,
                name: pool.name
            )
            statistics = pool.statistics
            depth = pool.depth
            size = pool.size
            jobs = pool.jobs
            remote = pool.remote
        }
    }
}

/// A target of a snapshot.
protocol LabelledTarget: AnyObject, Sendable {
    /// Its labels.
    var labels: TargetLabels { get }
}

/// The labels that all series of a target begin with, as they are written: they are the same in every family.
struct TargetLabels: Sendable {
    /// Names of the labels: the process, and the target by its kind.
    static let process = "process"
    static let loop = "loop"
    static let pool = "pool"

    /// The labels without braces, escaped.
    let bytes: [UInt8]

    /// Writes the labels of a target.
    init(process: String, kind: String, name: String) {
        var bytes: [UInt8] = []
        bytes.append(text: Self.process)
        bytes.append(text: "=\"")
        bytes.append(labelValue: process)
        bytes.append(text: "\",")
        bytes.append(text: kind)
        bytes.append(text: "=\"")
        bytes.append(labelValue: name)
        bytes.append(0x22)
        self.bytes = bytes
    }
}
