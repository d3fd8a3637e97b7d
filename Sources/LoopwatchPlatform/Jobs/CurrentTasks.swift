// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// Finds out how the runtime keeps tasks, by two tasks of our own: where it has the current one of a thread, and the name.
///
/// What does not turn out as expected is not used.
enum CurrentTasks {
    private static let name = "loopwatch-probe"

    /// Begins to; the tasks run when the pool gets round to them.
    static func learn() {
        Task.detached(name: name) {
            withUnsafeCurrentTask { task in
                guard let task else { return }
                let address = Self.address(of: task)
                _ = lw_jobs_try_names(address, Self.name)
                _ = lw_jobs_try_current_task(address)
            }
            // The second while the first lives, so that it has memory of its own.
            await Task.detached {
                withUnsafeCurrentTask { task in
                    if let task { _ = lw_jobs_try_current_task(Self.address(of: task)) }
                }
            }.value
        }
    }

    /// An `UnsafeCurrentTask` is a pointer to the task, and nothing else.
    private static func address(of task: UnsafeCurrentTask) -> UnsafeRawPointer {
        unsafeBitCast(task, to: UnsafeRawPointer.self)
    }
}
