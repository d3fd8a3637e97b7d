// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// One thread of Swift's global executor held by a task that blocks, while the others go on: no beat would see it.
enum HeldExecutor {
    /// Starts a task that holds a thread until the deadline.
    ///
    /// - Parameter done: called in the task, after that.
    static func holdThread(
        _ database: SlowDatabase,
        until deadline: MonotonicInstant,
        done: @escaping @Sendable () -> Void
    ) {
        Task.detached(name: "monthly-report") {
            queryDatabaseInTask(database, until: deadline)
            done()
        }
    }

    @inline(never)
    private static func queryDatabaseInTask(_ database: SlowDatabase, until deadline: MonotonicInstant) {
        database.waitForAnswer(until: deadline)
    }
}
