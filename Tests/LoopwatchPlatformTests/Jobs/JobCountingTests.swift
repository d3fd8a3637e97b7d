// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Testing

/// Accounting belongs to the whole process, so each test has one of its own.
@Suite("Accounting of Swift's pool", .serialized)
enum Accounting {}

extension Accounting {
    @Suite("Counts")
    struct JobCountingTests {
        @Test("what a task does is counted job for job, with its kind")
        func constructs() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, status) = try JobAccounting.joined()
                    #expect(status == PoolAccountingStatus(mode: .exact), "\(status)")
                    try Self.checkEach()
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        /// Jobs of the pool, what they are, and the rest.
        private struct Expected {
            var pool: UInt64
            var tasks: UInt64
            var continuations: UInt64 = 0
            var main: UInt64 = 0
            var unstamped: UInt64 = 0
        }

        private static func checkEach() throws {
            let cases: [(String, Expected, @Sendable () async -> Void)] = [
                ("nothing", Expected(pool: 0, tasks: 0), {}),
                (
                    "100 yields", Expected(pool: 200, tasks: 100, continuations: 100),
                    { for _ in 0..<100 { await Task.yield() } }
                ),
                (
                    "100 detached tasks", Expected(pool: 200, tasks: 200),
                    { for _ in 0..<100 { await Task.detached {}.value } }
                ),
                (
                    "100 children of a group", Expected(pool: 101, tasks: 101),
                    { await withTaskGroup(of: Void.self) { group in for _ in 0..<100 { group.addTask {} } } }
                ),
                (
                    "100 continuations that a foreign thread resumes", Expected(pool: 100, tasks: 100),
                    {
                        for _ in 0..<100 {
                            await withCheckedContinuation { continuation in
                                runOnceSuspended { continuation.resume() }
                            }
                        }
                    }
                ),
                (
                    "100 calls of an actor that is free", Expected(pool: 0, tasks: 0),
                    {
                        let actor = CountingActor()
                        for _ in 0..<100 { await actor.count() }
                    }
                ),
                (
                    "10 calls of the main actor", Expected(pool: 10, tasks: 20, main: 10),
                    { for _ in 0..<10 { await onMainActor() } }
                ),
                (
                    "100 immediate tasks", Expected(pool: 0, tasks: 0),
                    { for _ in 0..<100 { await Task.immediate {}.value } }
                ),
                (
                    "100 tasks with a preference for the global executor", Expected(pool: 200, tasks: 200),
                    { for _ in 0..<100 { await Task(executorPreference: globalConcurrentExecutor) {}.value } }
                ),
                (
                    "100 yields with that preference", Expected(pool: 200, tasks: 100, continuations: 100),
                    {
                        await withTaskExecutorPreference(globalConcurrentExecutor) {
                            for _ in 0..<100 { await Task.yield() }
                        }
                    }
                ),
                (
                    "10 sleeps, the timers of which nobody sees enqueued",
                    Expected(pool: 10, tasks: 10, unstamped: 10),
                    { for _ in 0..<10 { try? await Task.sleep(for: .milliseconds(20)) } }
                ),
            ]
            for (name, expected, body) in cases {
                let counts = try JobCounts.of(isAlone: true, body)
                let text = "\(name): \(counts)"
                #expect(counts.enqueued == expected.pool, "\(text)")
                #expect(counts.started == expected.pool, "\(text)")
                #expect(counts.waits == expected.pool, "\(text)")
                #expect(counts.ended == expected.pool + expected.unstamped, "\(text)")
                #expect(counts.runs == expected.pool + expected.unstamped, "\(text)")
                #expect(counts.unstamped == expected.unstamped, "\(text)")
                #expect(counts.main == expected.main, "\(text)")
                #expect(
                    counts.tasks + counts.continuations == expected.tasks + expected.continuations + expected.unstamped,
                    "\(text)"
                )
                #expect(counts.continuations >= expected.continuations, "\(text)")
                #expect(counts.actors == 0, "\(text)")
                #expect(counts.others == 0, "\(text)")
            }
        }

        @Test("an actor that many wait for runs in jobs of its own, all of which are seen")
        func contendedActor() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    let actor = CountingActor()
                    let counts = try JobCounts.of {
                        await withTaskGroup(of: Void.self) { group in
                            for _ in 0..<100 { group.addTask { await actor.work() } }
                        }
                    }
                    #expect(counts.actors > 0, "\(counts)")
                    #expect(counts.enqueued > 101, "\(counts)")
                    #expect(counts.started == counts.enqueued, "\(counts)")
                    #expect(counts.ended == counts.started, "\(counts)")
                    #expect(counts.tasks + counts.actors + counts.continuations == counts.started, "\(counts)")
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("jobs of an executor of the program's own are none of the pool's")
        func customExecutors() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    let executor = try ThreadTaskExecutor()
                    let thread = try OwnThread(name: "executor") { executor.run() }
                    defer {
                        executor.stop()
                        thread.join()
                    }
                    let counts = try JobCounts.of {
                        await withTaskExecutorPreference(executor) { for _ in 0..<100 { await Task.yield() } }
                    }
                    // The way back to the pool is one.
                    #expect(counts.started <= 1, "\(counts)")
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("each priority is a lane of its own")
        func priorities() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    let lanes: [(TaskPriority, JobLane)] = [
                        (.high, .high), (.medium, .medium), (.utility, .utility), (.background, .background),
                        (TaskPriority(rawValue: 0x21), .userInteractive),
                    ]
                    for (priority, lane) in lanes {
                        _ = try JobCounts.settled()
                        let before = JobCounters.read()
                        let done = DispatchSemaphore(value: 0)
                        for _ in 0..<50 { Task.detached(priority: priority) { done.signal() } }
                        for _ in 0..<50 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        _ = try JobCounts.settled()
                        let after = JobCounters.read()
                        for other in JobLane.allCases {
                            let started = after.lanes[other.rawValue].started - before.lanes[other.rawValue].started
                            #expect(started == (other == lane ? 50 : 0), "\(priority): \(started) in \(other)")
                        }
                    }
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }
    }
}

private actor CountingActor {
    private var calls = 0

    func count() { calls += 1 }

    func work() {
        calls += 1
        usleep(200)
    }
}

@MainActor private func onMainActor() {}

/// Runs a closure on a new thread once the task that asks for it, which is alone in the pool, has suspended.
private func runOnceSuspended(_ body: @escaping @Sendable () -> Void) {
    let others = JobCounts.running - 1
    runOnThread {
        recordingErrors { try eventually("the task suspends") { JobCounts.running == others } }
        body()
    }
}

/// Runs a closure on a new thread, and does not wait for it.
func runOnThread(_ body: @escaping @Sendable () -> Void) {
    do {
        try OwnThread(name: "foreign", body: body).detach()
    } catch {
        Issue.record("\(error)")
        body()
    }
}
