// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import CRuntimeHooks
import Synchronization

/// Keeps one job, and runs it within another, as a job does that runs the main queue.
final class KeepingExecutor: TaskExecutor {
    private let job = Mutex<UnownedJob?>(nil)

    /// Whether a job waits for ``runNested()``.
    var hasJob: Bool { job.withLock { $0 != nil } }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        self.job.withLock { $0 = unowned }
    }

    /// Runs the job within the one that calls.
    func runNested() {
        guard let job = job.withLock({ $0.take() }) else { return }
        // An UnownedJob is a pointer to the job, and nothing else.
        hooks_run_nested(unsafeBitCast(job, to: UnsafeMutableRawPointer.self))
    }
}
