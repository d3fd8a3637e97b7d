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
    @Suite("Coming and going")
    struct JobInstallationTests {
        @Test("the words are the runtime's own before and after, also while jobs are in flight")
        func words() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.warmUp()
                    let original = hooks_read_words()
                    #expect(original.enqueue != 0)
                    let (lease, status) = try JobAccounting.joined()
                    #expect(status.mode == .exact, "\(status)")
                    let during = hooks_read_words()
                    #expect(during.enqueue != original.enqueue)
                    #expect(during.job_entry != original.job_entry && during.job_entry == during.task_entry)
                    #expect(during.hook == 0 && during.main_hook == 0)
                    // Every thread is held, and more wait.
                    _ = try JobCounts.settled()
                    let width = Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))
                    let held = (0..<width).map { _ in HeldTask() }
                    let done = DispatchSemaphore(value: 0)
                    for hold in held {
                        Task.detached {
                            hold.hold()
                            done.signal()
                        }
                    }
                    defer { for hold in held { hold.release() } }
                    for hold in held { hold.waitUntilBegun() }
                    for _ in 0..<10 { Task.detached { done.signal() } }
                    try eventually("ten wait") { JobCounters.read().sum(.pool, \.waiting) == 10 }
                    #expect(JobAccounting.leave(lease) == nil)
                    #expect(Self.equal(hooks_read_words(), original))
                    for hold in held { hold.release() }
                    for _ in 0..<(width + 10) { #expect(done.wait(timeout: .now() + 30) == .success) }
                    // Later jobs run too, and those that waited are not taken for waiting by another installation.
                    let (second, _) = try JobAccounting.joined()
                    let counts = try JobCounts.of(isAlone: true) { for _ in 0..<100 { await Task.yield() } }
                    #expect(counts.started == 200 && counts.ended == 200, "\(counts)")
                    #expect(JobCounters.read().sum(.pool, \.waiting) == 0)
                    #expect(JobAccounting.leave(second) == nil)
                    #expect(Self.equal(hooks_read_words(), original))
                }
            }
        }

        @Test("two users share it, and it goes with the last")
        func leases() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.warmUp()
                    let original = hooks_read_words()
                    let (first, _) = try JobAccounting.joined(longNanoseconds: 1_000_000_000)
                    let (second, status) = try JobAccounting.joined(longNanoseconds: 20_000_000)
                    #expect(status.mode == .exact)
                    // A job that is long for the second only.
                    var reader = JobReader(now: Clock.now())
                    let counts = try JobCounts.of { usleep(60_000) }
                    #expect(counts.ended == 0, "\(counts)")
                    #expect(reader.read().ended.count == 1)
                    #expect(JobAccounting.leave(second) == nil)
                    #expect(JobAccounting.leave(second) == nil, "a second time is harmless")
                    #expect(JobAccounting.status.mode == .exact)
                    #expect(!Self.equal(hooks_read_words(), original))
                    _ = try JobCounts.of { usleep(60_000) }
                    #expect(reader.read().ended.isEmpty)
                    #expect(JobAccounting.leave(first) == nil)
                    #expect(Self.equal(hooks_read_words(), original))
                }
            }
        }

        @Test("it may come and go under load, and counts are right whenever it is there")
        func cycles() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.warmUp()
                    let original = hooks_read_words()
                    let isOver = Atomic(false)
                    let yields = Atomic(0)
                    let done = DispatchSemaphore(value: 0)
                    let priorities: [TaskPriority] = [.high, .medium, .utility, .background]
                    for priority in priorities {
                        Task.detached(priority: priority) { @Sendable in
                            while !isOver.load(ordering: .relaxed) {
                                await Task.yield()
                                yields.wrappingAdd(1, ordering: .relaxed)
                            }
                            done.signal()
                        }
                    }
                    for cycle in 0..<60 {
                        let (lease, status) = try JobAccounting.joined()
                        #expect(status.mode == .exact, "\(cycle): \(status)")
                        let before = yields.load(ordering: .relaxed)
                        try eventually("tasks go on") { yields.load(ordering: .relaxed) >= before + 20 }
                        let reading = JobCounters.read()
                        // Each task waits at one place at most; and those that come while it is read are told as waiting,
                        // which is some in a tenth of a millisecond, and more where the sanitizer has everything take longer.
                        let waiting = reading.sum(.pool, \.waiting)
                        #expect(waiting <= 256 || isThreadSanitized, "\(cycle): \(waiting) wait")
                        #expect(reading.sum(.pool, \.started) > 0)
                        #expect(JobAccounting.leave(lease) == nil)
                        #expect(Self.equal(hooks_read_words(), original))
                    }
                    isOver.store(true, ordering: .relaxed)
                    for _ in priorities { #expect(done.wait(timeout: .now() + 30) == .success) }
                    let (lease, _) = try JobAccounting.joined()
                    let counts = try JobCounts.of(isAlone: true) { for _ in 0..<100 { await Task.yield() } }
                    #expect(counts.started == 200 && counts.ended == 200, "\(counts)")
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("what a thread counted is forgotten, however many installations ago that was")
        func oldCounts() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.warmUp()
                    let (first, _) = try JobAccounting.joined()
                    let done = DispatchSemaphore(value: 0)
                    let end = DispatchSemaphore(value: 0)
                    // It enqueues one job, which others run, and none after that.
                    let thread = try OwnThread(name: "enqueues-once") {
                        Task.detached { done.signal() }
                        end.wait()
                    }
                    #expect(done.wait(timeout: .now() + 30) == .success)
                    #expect(try JobCounts.settled().enqueued > 0)
                    #expect(JobAccounting.leave(first) == nil)
                    // The number of an installation has five bits.
                    for cycle in 0..<70 {
                        let (lease, _) = try JobAccounting.joined()
                        let reading = JobCounters.read()
                        #expect(reading.sum(.pool, \.enqueued) == 0, "\(cycle)")
                        #expect(JobAccounting.leave(lease) == nil)
                    }
                    end.signal()
                    thread.join()
                }
            }
        }

        @Test("a pool that is blocked keeps nobody waiting: it is left, or it becomes exact once a thread is free")
        func blockedPool() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let width = Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))
                    let held = (0..<width).map { _ in HeldTask() }
                    for hold in held { Task.detached { hold.hold() } }
                    for hold in held { hold.waitUntilBegun() }
                    let began = Clock.now()
                    let first = JobAccounting.join(longNanoseconds: 100_000_000, best: .exact)
                    for _ in 0..<20 { #expect(!JobAccounting.advance().isSettled) }
                    #expect(JobAccounting.status.reason?.contains("waits for a thread") == true)
                    #expect(JobAccounting.leave(first) == nil)
                    #expect(JobAccounting.advance().mode == .off)
                    // The probe still waits: it is the next one's too.
                    let second = JobAccounting.join(longNanoseconds: 100_000_000, best: .exact)
                    #expect(!JobAccounting.advance().isSettled)
                    #expect(Clock.now().nanoseconds(since: began) < 5_000_000_000)
                    for hold in held { hold.release() }
                    try eventually("accounting is exact") { JobAccounting.advance().mode == .exact }
                    let counts = try JobCounts.of(isAlone: true) { for _ in 0..<100 { await Task.yield() } }
                    #expect(counts.started == 200, "\(counts)")
                    #expect(JobAccounting.leave(second) == nil)
                }
            }
        }

        @Test("threads that end give their slot back, whatever they were at")
        func threads() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    _ = try JobCounts.of {}
                    let before = JobCounters.threadsSeen
                    let counts = try JobCounts.of {
                        for _ in 0..<200 {
                            await withCheckedContinuation { continuation in
                                // Later than the task suspends, mostly, so that the thread enqueues a job.
                                runOnThread {
                                    poll(nil, 0, 1)
                                    continuation.resume()
                                }
                            }
                        }
                    }
                    #expect(counts.started == counts.ended && counts.started > 0 && counts.started <= 200, "\(counts)")
                    // Some may still be ending when the next ones begin.
                    #expect(JobCounters.threadsSeen <= before + 16, "\(before), \(JobCounters.threadsSeen)")
                    #expect(JobCounters.read().untracked == 0)
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("a thread that ends within a job, as none should, can be given up")
        func threadThatEnds() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    let thread = Atomic<Int32>(0)
                    Task.detached { @Sendable in
                        thread.store(OwnThread.currentIdentifier, ordering: .releasing)
                        hooks_end_thread()
                    }
                    try eventually("the thread has ended") {
                        let identifier = thread.load(ordering: .acquiring)
                        return identifier != 0 && ThreadView(identifier).cpuNanoseconds() == nil
                    }
                    var reader = JobReader(now: Clock.now())
                    // Whatever else the process does may run a job at that moment.
                    let ended = thread.load(ordering: .relaxed)
                    let job = try #require(reader.read().running.first { $0.thread == ended })
                    JobReader.release(job)
                    #expect(!reader.read().running.contains { $0.thread == ended })
                    #expect(!JobReader.isRunning(job.identity))
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("a process that forks within a job goes on, and the child ends as it should")
        func fork() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let (lease, _) = try JobAccounting.joined()
                    let status = Atomic<Int32>(-1)
                    let counts = try JobCounts.of { status.store(hooks_fork_and_exit(), ordering: .relaxed) }
                    #expect(status.load(ordering: .relaxed) == 0)
                    #expect(counts.ended == 0, "\(counts)")
                    let after = try JobCounts.of(isAlone: true) { for _ in 0..<100 { await Task.yield() } }
                    #expect(after.started == 200 && after.ended == 200, "\(after)")
                    #expect(JobAccounting.leave(lease) == nil)
                }
            }
        }

        @Test("a hook that comes later and calls ours for good is not called by ours in turn")
        func chainedHook() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.warmUp()
                    let (first, status) = try JobAccounting.joined(best: .runs)
                    #expect(status.mode == .runs, "\(status)")
                    hooks_set_chaining()
                    #expect(JobAccounting.checkIntact() == nil)
                    try eventually("the trial is over") {
                        _ = JobAccounting.checkIntact()
                        return !JobAccounting.isHookOnTrial
                    }
                    #expect(JobAccounting.status.mode == .runs, "\(JobAccounting.status)")
                    #expect(JobAccounting.leave(first)?.contains("hook was changed by someone else") == true)
                    let (second, again) = try JobAccounting.joined(best: .runs)
                    #expect(again.mode == .off)
                    #expect(again.reason == "a hook of an earlier installation may still be called")
                    try Self.warmUp()
                    #expect(JobAccounting.leave(second) == nil)
                    // For exact accounting no hook is needed.
                    let (third, exact) = try JobAccounting.joined()
                    #expect(exact.mode == .exact, "\(exact)")
                    let counts = try JobCounts.of(isAlone: true) { for _ in 0..<100 { await Task.yield() } }
                    #expect(counts.started == 200 && counts.enqueued == 200, "\(counts)")
                    #expect(JobAccounting.leave(third) == nil)
                }
            }
        }

        @Test("metadata of another layout is left alone")
        func disguised() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.warmUp()
                    hooks_disguise_metadata()
                    let original = hooks_read_words()
                    let (lease, status) = try JobAccounting.joined()
                    #expect(status.mode == .enqueues, "\(status)")
                    #expect(status.reason == "the metadata of jobs has another layout")
                    let during = hooks_read_words()
                    #expect(during.enqueue == original.enqueue && during.job_entry == original.job_entry)
                    let before = JobCounters.read().sum(.pool, \.enqueued)
                    let done = DispatchSemaphore(value: 0)
                    for _ in 0..<100 { Task.detached { done.signal() } }
                    for _ in 0..<100 { #expect(done.wait(timeout: .now() + 30) == .success) }
                    #expect(JobCounters.read().sum(.pool, \.enqueued) == before + 100)
                    #expect(JobAccounting.leave(lease) == nil)
                    #expect(Self.equal(hooks_read_words(), original))
                }
            }
        }

        /// The runtime finds its enqueue function when it is first needed, and keeps it.
        private static func warmUp() throws {
            let done = DispatchSemaphore(value: 0)
            Task.detached { done.signal() }
            #expect(done.wait(timeout: .now() + 30) == .success)
        }

        private static func equal(_ left: hooks_words, _ right: hooks_words) -> Bool {
            left.enqueue == right.enqueue && left.job_entry == right.job_entry && left.task_entry == right.task_entry
                && left.hook == right.hook && left.main_hook == right.main_hook
        }
    }
}
