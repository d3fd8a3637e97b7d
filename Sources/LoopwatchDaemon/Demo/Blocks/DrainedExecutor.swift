// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Swift's global executor run dry: tasks that block, instead of awaiting, hold each of its threads.
enum DrainedExecutor {
    /// More than the executor has threads, so that some wait; it has one for each processor.
    private static let tasksForEachProcessor = 2

    /// Starts tasks of which the first hold every thread until the deadline.
    ///
    /// - Parameter done: called in the last task.
    static func drainExecutor(
        _ database: SlowDatabase,
        until deadline: MonotonicInstant,
        done: @escaping @Sendable () -> Void
    ) {
        let count = Processors.online * tasksForEachProcessor
        let left = Countdown(count, done)
        for _ in 0..<count {
            Task.detached {
                queryDatabaseInTask(database, until: deadline)
                left.countDown()
            }
        }
    }

    @inline(never)
    private static func queryDatabaseInTask(_ database: SlowDatabase, until deadline: MonotonicInstant) {
        database.waitForAnswer(until: deadline)
    }
}

/// Does something once so many others have been done.
final class Countdown: Sendable {
    private let left: Atomic<Int>
    private let action: @Sendable () -> Void

    init(_ count: Int, _ action: @escaping @Sendable () -> Void) {
        left = Atomic(count)
        self.action = action
    }

    /// One was done.
    func countDown() {
        if left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { action() }
    }
}
