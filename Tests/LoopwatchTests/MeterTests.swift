// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// Runs tasks on a pool of threads.
private final class PoolExecutor: TaskExecutor {
    private let pool: TestPool

    init(_ pool: TestPool) { self.pool = pool }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pool.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

extension Live {
    @Suite("Metered pools")
    struct MeterTests {
        @Test("one held thread is told of exactly, and by the thread that is held; short items are not")
        func held() throws {
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            try withWatch { watch, recorder in
                let meter = watch.meter("db", size: 2)
                func execute(_ job: @escaping @Sendable () -> Void) { pool.execute(meter.metered(job)) }
                try checkShortJobs(on: "db", watch, recorder, execute)

                let hold = Hold(.sleeping)
                defer { hold.release() }
                execute { hold.run() }
                let begun = try recorder.wait(for: "the held thread") { $0.state == .begun }
                #expect(begun.kind == .hold && begun.subject == .pool && begun.target == "db")
                #expect(begun.threadIdentifier != nil)
                #expect(watch.snapshot().pools[0].jobs?.held == 1)
                // The other thread is free.
                try checkShortJobs(on: "db", count: 3, watch, recorder, execute)
                hold.release()
                let ended = try recorder.wait(for: "its end") { $0.state == .ended }
                try eventually("the job ends") { hold.hasEnded }
                let told = ended.durationNanoseconds + ended.interruptedNanoseconds
                // Both have their clocks read a moment apart, between which a busy machine may take the processor away.
                let off = told - hold.nanoseconds
                #expect(off > -1_000_000 && off < 100_000_000, "told \(told), measured \(hold.nanoseconds)")
                #expect(ended.cause.text == "syscall:clock_nanosleep")
                #expect(ended.stack?.frames.contains { $0.function.contains("Hold.run") } == true, "\(recorder.lines)")
                try watch.settle()
                #expect(recorder.reports.allSatisfy { $0.stall == begun.stall }, "\(recorder.lines)")
                let line = try #require(recorder.lines.first)
                #expect(line.contains("pool thread held for ") && line.contains("target=db"), "\(line)")
                #expect(!line.contains("priority="), "\(line)")
            }
        }

        @Test("all held, with items that wait, is starvation with their number")
        func starved() throws {
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            try withWatch { watch, recorder in
                let meter = watch.meter("db", size: 2)
                let hold = Hold(.sleeping)
                defer { hold.release() }
                for _ in 0..<2 { pool.execute(meter.metered { hold.run() }) }
                let ran = Atomic(0)
                for _ in 0..<3 { pool.execute(meter.metered { ran.wrappingAdd(1, ordering: .relaxed) }) }
                let begun = try recorder.wait(for: "the starvation") { $0.kind == .stall && $0.state == .begun }
                #expect(begun.cause == .starvation && begun.depth == 3 && begun.target == "db")
                #expect(begun.pool?.held == 2 && begun.pool?.width == 2)
                #expect(watch.metric(#"loopwatch_pool_queue_depth{process="tests",pool="db"}"#) == 3)
                #expect(watch.metric(#"loopwatch_pool_threads_busy{process="tests",pool="db"}"#) == 2)
                hold.release()
                let ended = try recorder.wait(for: "its end") { $0.kind == .stall && $0.state == .ended }
                #expect(ended.stall == begun.stall)
                try eventually("what waited has run") { ran.load(ordering: .relaxed) == 3 }
                #expect(watch.metric(#"loopwatch_pool_queue_depth{process="tests",pool="db"}"#) == 0)
                let line = try #require(recorder.lines.first { $0.contains("pool blocked for ") })
                #expect(line.contains("all 2 threads are held (syscall:clock_nanosleep) and 3 jobs wait"), "\(line)")
            }
        }

        @Test("an executor's jobs are counted one by one, and run where they should")
        func executor() async throws {
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            let recorder = ReportRecorder()
            var configuration = WatchConfiguration.forTests
            configuration.log = [recorder.destination]
            let watch = try Loopwatch.start(configuration)
            defer { watch.stop() }
            let executor = watch.executor("tasks", wrapping: PoolExecutor(pool), size: 2)
            let threads = await withTaskGroup(of: Int32.self) { group in
                for _ in 0..<100 {
                    group.addTask(executorPreference: executor) {
                        await Task.yield()
                        return OwnThread.currentIdentifier
                    }
                }
                return await group.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            #expect((1...2).contains(threads.count), "the pool has two threads, and the tasks ran there")
            let counters = try #require(watch.snapshot().pools.first { $0.name == "tasks" }?.jobs?.counters)
            // Each task is one job, each yield one for the task and one for the continuation that resumes it, or only one.
            let started = counters.lanes[JobLane.unspecified.rawValue].started
            #expect(started >= 200 && counters.lanes[JobLane.unspecified.rawValue].enqueued == started, "\(started)")

            let hold = Hold(.computing)
            let task = Task(executorPreference: executor) { hold.run() }
            let begun = try await onSomeThread {
                defer { hold.release() }
                return try recorder.wait(for: "the held thread") { $0.state == .begun }
            }
            await task.value
            #expect(begun.kind == .hold && begun.target == "tasks")
            // All hundred may have run on one of the two.
            #expect(begun.threadIdentifier.map { threads.count == 1 || threads.contains($0) } == true)
            #expect(begun.pool?.holders.first?.task != nil)
        }

        @Test("work of a Dispatch queue is counted as far as it is handed over by the meter")
        func queue() throws {
            let queue = DispatchQueue(label: "metered")
            try withWatch { watch, recorder in
                let metered = watch.meteredQueue("io", queue, size: 1)
                let hold = Hold(.sleeping)
                defer { hold.release() }
                metered.async { hold.run() }
                metered.async {}
                let begun = try recorder.wait(for: "the blocked queue") { $0.kind == .stall && $0.state == .begun }
                #expect(begun.depth == 1)
                let line = try #require(recorder.lines.first { $0.contains("pool blocked for ") })
                #expect(line.contains("the only thread is held"), "\(line)")
                hold.release()
                #expect(metered.sync { 7 } == 7)
                try recorder.wait(for: "its end") { $0.kind == .stall && $0.state == .ended }
            }
        }

        @Test("a pool that is removed while it is held ends for its readers, and its meter goes on")
        func removed() throws {
            let pool = try TestPool(threads: 1)
            defer { pool.stop() }
            try withWatch { watch, recorder in
                let meter = PoolMeter("db", size: 1)
                let registration = watch.add(.metered(meter))
                #expect(registration.problem == nil)
                let hold = Hold(.sleeping)
                defer { hold.release() }
                pool.execute(meter.metered { hold.run() })
                try recorder.wait(for: "the held thread") { $0.state == .begun }
                registration.remove()
                try recorder.wait(for: "its end") { $0.state == .ended }
                hold.release()
                let ran = Atomic(false)
                pool.execute(meter.metered { ran.store(true, ordering: .relaxed) })
                try eventually("the next item runs") { ran.load(ordering: .relaxed) }
            }
        }
    }
}

/// Runs what waits on a thread of its own, so that no thread of Swift's pool does.
private func onSomeThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "waits").async { continuation.resume(with: Result { try body() }) }
    }
}
