// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Synchronization

/// Runs tasks on a thread of its own, so that a test does not depend on when the pool has a thread to spare.
final class ThreadTaskExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let wake: WakeSignal

    init() throws { wake = try WakeSignal() }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        wake.wake()
    }

    /// Runs jobs on the calling thread, until told to stop.
    func run() {
        while true {
            let (jobs, isStopping) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isStopping)
            }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            if jobs.isEmpty {
                if isStopping { return }
                _ = wake.wait(until: nil)
            }
        }
    }

    /// Ends `run()`.
    func stop() {
        state.withLock { $0.isStopping = true }
        wake.wake()
    }
}
