// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Runs a task's jobs on one event loop, as servers do that spare the hop from the loop to the global executor and back.
///
/// Every job of the task then runs on the loop's thread, and a job that blocks holds up every connection of the loop.
final class EventLoopTaskExecutor: TaskExecutor {
    private let eventLoop: any EventLoop

    /// Creates an executor of the loop.
    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Hands a job to the loop.
    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        eventLoop.execute { unowned.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
