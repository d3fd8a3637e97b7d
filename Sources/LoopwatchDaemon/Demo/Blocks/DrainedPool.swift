// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// A pool run dry: all of its threads wait for a slow database while more and more work is queued.
enum DrainedPool {
    /// Queries beyond the number of threads.
    private static let queuedBeyond = 12

    /// Queues queries, of which the first hold every thread until the deadline.
    ///
    /// - Parameter done: called on a thread of the pool after the last one.
    static func drainPool(
        _ pool: WorkerPool,
        _ database: SlowDatabase,
        until deadline: MonotonicInstant,
        done: @escaping @Sendable () -> Void
    ) {
        for _ in 0..<(pool.size + queuedBeyond) {
            pool.submit { queryDatabaseOnWorker(database, until: deadline) }
        }
        pool.submit(done)
    }

    @inline(never)
    private static func queryDatabaseOnWorker(_ database: SlowDatabase, until deadline: MonotonicInstant) {
        database.waitForAnswer(until: deadline)
    }
}
