// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform

/// Runs a blocking piece of a test on a thread of its own, so that it does not hold one of Swift's pool.
///
/// - Throws: what the body throws.
func onOwnThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withTaskExecutorPreference(ThreadForEachJob()) { try body() }
}

/// Starts a thread for each job that it is given, so that the job stays part of the test's task.
private final class ThreadForEachJob: TaskExecutor {
    /// Runs a job on a new thread.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        do {
            try OwnThread(name: "test-job") { job.runSynchronously(on: self.asUnownedTaskExecutor()) }.detach()
        } catch {
            preconditionFailure("no thread for a test: \(error)")
        }
    }
}
