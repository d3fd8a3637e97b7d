// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// Marks by which the jobs of one test are told from those of others that run at the same time.
///
/// A mark is a task-local value: it goes over to every task that is started within, child or not, but for detached ones.
/// Where tasks keep theirs is learned by tasks of our own; if that does not turn out as expected, no job has a mark.
package enum TaskMarks {
    /// The mark of the current task; 0 for none.
    @TaskLocal package static var current: UInt64 = 0
    @TaskLocal private static var other: UInt64 = 0

    /// Whether marks of running jobs are known.
    package static var areRead: Bool { lw_jobs_know_marks() != 0 }

    /// Begins to learn; the tasks run when the pool gets round to them.
    package static func learn() {
        Task.detached {
            let value: UInt64 = 0xA5C3_1E87_5D29_F04B
            let isLearned = $current.withValue(value) {
                withCurrentTask { lw_jobs_learn_marks($0, key, value) } != 0
            }
            guard isLearned else { return }
            await $current.withValue(value) {
                check(value)
                $other.withValue(1) { check(value) }
                await withTaskGroup { tasks in
                    tasks.addTask { check(value) }
                    tasks.addTask { $other.withValue(2) { check(value) } }
                }
                await Task { check(value) }.value
            }
            check(0)
        }
    }

    /// A task-local is known by the address of what describes it.
    private static var key: UnsafeRawPointer { unsafeBitCast($current, to: UnsafeRawPointer.self) }

    private static func check(_ value: UInt64) {
        _ = withCurrentTask { lw_jobs_check_mark($0, value) }
    }

    /// An `UnsafeCurrentTask` is a pointer to the task, and nothing else.
    private static func withCurrentTask(_ body: (UnsafeRawPointer) -> Int32) -> Int32 {
        withUnsafeCurrentTask { task in task.map { body(unsafeBitCast($0, to: UnsafeRawPointer.self)) } ?? 0 }
    }
}
