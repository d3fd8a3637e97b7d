// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import CRuntimeHooks
import Dispatch
import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Accounting {
    @Suite("Which job runs")
    struct JobIdentityTests {
        @Test("is told with the number and the name that the task itself has, and with its priority")
        func identities() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    try Self.waitUntilNamesAreKnown()
                    let names: [(String?, String?)] = [
                        ("checkout", "checkout"), (nil, nil), ("größe 日本", "größe 日本"),
                        // 31 bytes are kept.
                        (String(repeating: "n", count: 31), String(repeating: "n", count: 31)),
                        (String(repeating: "n", count: 64), String(repeating: "n", count: 31)),
                        // Cut within its last character, which is left out.
                        (String(repeating: "n", count: 30) + "é", String(repeating: "n", count: 30)),
                    ]
                    let priorities: [(TaskPriority, JobLane)] = [
                        (.medium, .medium), (.high, .high), (.background, .background),
                    ]
                    for (index, (name, expected)) in names.enumerated() {
                        let (priority, lane) = priorities[index % priorities.count]
                        let held = HeldTask()
                        let identifier = Mutex<UInt64>(0)
                        let before = Clock.now()
                        let task = Task.detached(name: name, priority: priority) {
                            identifier.withLock { $0 = currentTaskIdentifier() }
                            held.hold()
                        }
                        held.waitUntilBegun()
                        let running = try Self.running()
                        held.release()
                        #expect(running.count == 1, "\(running)")
                        let job = try #require(running.first)
                        #expect(job.task == identifier.withLock { $0 })
                        #expect(job.name == expected)
                        #expect(job.kind == .task)
                        #expect(job.lane == lane)
                        #expect(job.began >= before && job.began <= Clock.now())
                        try Self.wait(for: task)
                    }
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("names are read of a child, within a cancellation handler, and after the task went on elsewhere")
        func namesInRecords() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    try Self.waitUntilNamesAreKnown()
                    let held = HeldTask()
                    let task = Task.detached(name: "parent") {
                        await withTaskGroup(of: Void.self) { group in
                            group.addTask(name: "child") {
                                await withTaskCancellationHandler {
                                    await Task.yield()
                                    held.hold()
                                } onCancel: {
                                }
                            }
                        }
                    }
                    held.waitUntilBegun()
                    // The child may have begun on another thread before its parent suspends.
                    try eventually("the parent waits for its child") { try Self.running().count == 1 }
                    #expect(try Self.running().map(\.name) == ["child"])
                    held.release()
                    try Self.wait(for: task)
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("the main actor's and an actor's are told apart, and what an actor is at changes with the task")
        func kinds() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    try Self.waitUntilNamesAreKnown()
                    let held = HeldTask()
                    let main = Task { @MainActor in held.hold() }
                    held.waitUntilBegun()
                    let onMain = try Self.running()
                    held.release()
                    #expect(onMain.map(\.lane) == [.main], "\(onMain)")
                    #expect(onMain.map(\.kind) == [.task], "\(onMain)")
                    try Self.wait(for: main)

                    // The first holds the actor, and two wait for it: an actor's job runs them one after another.
                    let actor = HoldingActor()
                    let holds = (0..<3).map { _ in HeldTask() }
                    var tasks = [Task.detached { await actor.hold(holds[0]) }]
                    holds[0].waitUntilBegun()
                    for hold in holds.dropFirst() {
                        let started = JobCounts().started
                        tasks.append(Task.detached { await actor.hold(hold) })
                        try eventually("it waits for the actor") {
                            let counts = JobCounts()
                            return try counts.started > started && Self.running().count == 1
                        }
                    }
                    holds[0].release()
                    holds[1].waitUntilBegun()
                    let second = try Self.runningAlone()
                    holds[1].release()
                    holds[2].waitUntilBegun()
                    let third = try Self.runningAlone()
                    holds[2].release()
                    #expect(second.map(\.kind) == [.actor], "\(second)")
                    #expect(third.map(\.kind) == [.actor], "\(third)")
                    #expect(second.first?.within != nil, "\(second)")
                    #expect(second.first?.within != third.first?.within, "\(second), \(third)")
                    for task in tasks { try Self.wait(for: task) }
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("a job that runs another within runs all the while")
        func nested() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    try Self.waitUntilNamesAreKnown()
                    let executor = KeepingExecutor()
                    let inner = HeldTask()
                    let outer = HeldTask()
                    let nested = Task(name: "inner", executorPreference: executor) { inner.hold() }
                    try eventually("the inner job waits") { executor.hasJob }
                    let task = Task.detached(name: "outer") {
                        executor.runNested()
                        outer.hold()
                    }
                    inner.waitUntilBegun()
                    let within = try Self.running()
                    #expect(within.map(\.name) == ["inner", "outer"], "\(within)")
                    #expect(within.allSatisfy { JobReader.isRunning($0.identity) })
                    #expect(JobCounters.read().sum(.pool, \.running) == 2)
                    inner.release()
                    outer.waitUntilBegun()
                    let after = try Self.running()
                    #expect(after.map(\.name) == ["outer"], "\(after)")
                    #expect(within.allSatisfy { $0.thread == after.first?.thread })
                    #expect(after.first?.identity == within.last?.identity)
                    #expect((after.first?.began ?? Clock.now()) < (within.first?.began ?? Clock.now()))
                    #expect(JobCounters.read().sum(.pool, \.running) == 1)
                    outer.release()
                    try Self.wait(for: task)
                    try Self.wait(for: nested)
                    #expect(try Self.running().isEmpty)
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        /// The jobs that run now.
        private static func running() throws -> [Job] {
            var reader = JobReader(now: Clock.now())
            return reader.read().running
        }

        /// The jobs that run once one is left: that which ran before it may be about to end for a while, for lack of a CPU.
        private static func runningAlone() throws -> [Job] {
            var jobs: [Job] = []
            try eventually("one job is left") {
                jobs = try running()
                return jobs.count == 1
            }
            return jobs
        }

        private static func wait(for task: Task<Void, Never>) throws {
            let done = DispatchSemaphore(value: 0)
            Task.detached {
                await task.value
                done.signal()
            }
            #expect(done.wait(timeout: .now() + 30) == .success, "the task ended")
            try eventually("nothing runs") { try Self.running().isEmpty }
        }

        /// Two tasks of accounting's own find out how names are read.
        private static func waitUntilNamesAreKnown() throws {
            try eventually("names are read") {
                let held = HeldTask()
                let task = Task.detached(name: "probe of the test") { held.hold() }
                held.waitUntilBegun()
                let name = try running().first { $0.name == "probe of the test" }
                held.release()
                try wait(for: task)
                return name != nil
            }
        }
    }
}

private actor HoldingActor {
    func hold(_ held: HeldTask) { held.hold() }
}

/// Keeps one job, and runs it within another.
private final class KeepingExecutor: TaskExecutor {
    private let job = Mutex<UnownedJob?>(nil)

    var hasJob: Bool { job.withLock { $0 != nil } }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        self.job.withLock { $0 = unowned }
    }

    func runNested() {
        guard let job = job.withLock({ $0.take() }) else { return }
        // An UnownedJob is a pointer to the job, and nothing else.
        hooks_run_nested(unsafeBitCast(job, to: UnsafeMutableRawPointer.self))
    }
}

/// What the runtime calls the number of a task (include/swift/Runtime/Concurrency.h).
@_silgen_name("swift_task_getJobTaskId")
private func taskIdentifier(_ job: UnsafeRawPointer) -> UInt64

private func currentTaskIdentifier() -> UInt64 {
    withUnsafeCurrentTask { task in
        // An UnsafeCurrentTask is a pointer to the task, and nothing else.
        task.map { taskIdentifier(unsafeBitCast($0, to: UnsafeRawPointer.self)) } ?? 0
    }
}
