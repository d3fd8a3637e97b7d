// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform

/// Waits on a thread of its own, so that no thread of the pool that is checked is held for it.
enum WaitingThread {
    /// Runs a body that may block on a new thread, and suspends until it has returned; also when the task is cancelled.
    ///
    /// Where the system allows no more threads it runs on the caller's.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            do {
                // Its signals are the caller's: Dispatch's threads, which it may start when it resumes a task, inherit them, and
                // a thread that blocks the capture's would have no stack while it computes.
                let thread = try OwnThread(name: "lw-test", blocksSignals: false) {
                    continuation.resume(returning: body())
                }
                thread.detach()
            } catch {
                continuation.resume(returning: body())
            }
        }
    }
}
