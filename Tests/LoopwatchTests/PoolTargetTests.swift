// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// A pool of threads that tells how many jobs wait.
final class TestPool: Sendable {
    private let loops: [ConditionLoop]
    private let waiting = Guarded<[@Sendable () -> Void]>([])

    /// Starts the threads.
    init(threads: Int) throws { loops = try (0..<threads).map { _ in try ConditionLoop() } }

    /// Jobs that wait for a thread.
    var depth: Int { waiting.withLock { $0.count } }

    /// Runs a job on any thread.
    func execute(_ job: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(job) }
        // Every thread is told, and the first one takes it.
        for loop in loops {
            loop.execute { self.waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }?() }
        }
    }

    /// Ends the threads.
    func stop() { for loop in loops { loop.stop() } }
}

extension Live {
    @Suite("Pools of threads")
    struct PoolTargetTests {
        @Test("a healthy pool is not reported, and tells its depth and size")
        func healthy() throws {
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            try withWatch { watch, recorder in
                watch.add(.pool("pool", submit: { pool.execute($0) }, depth: { pool.depth }, size: { 2 }))
                try checkShortJobs(on: "pool", watch, recorder) { pool.execute($0) }
                #expect(recorder.reports.isEmpty)
                try eventually("the size is known") { watch.snapshot().pools[0].size == 2 }
                #expect(watch.metric(#"loopwatch_pool_threads_limit{process="tests",pool="pool"}"#) == 2)
            }
        }

        @Test("one blocked thread of two is no blocked pool; two are, with what waits")
        func drained() throws {
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            try withWatch { watch, recorder in
                watch.add(.pool("pool", submit: { pool.execute($0) }, depth: { pool.depth }, size: { 2 }))
                try watch.waitUntilAnswered(["pool"])
                let first = Hold(.sleeping)
                defer { first.release() }
                pool.execute { first.run() }
                try eventually("one thread is blocked") { first.hasBegun }
                let beats = try watch.statistics(of: "pool").lag.count
                try eventually("the other thread answers") { try watch.statistics(of: "pool").lag.count > beats + 3 }
                #expect(recorder.reports.isEmpty, "\(recorder.lines)")
                // What follows waits behind the second block.
                try checkStall(of: "pool", by: Hold(.sleeping), causes: ["starvation"], watch, recorder) {
                    pool.execute($0)
                    for _ in 0..<5 { pool.execute {} }
                }
                let begun = try #require(recorder.reports.first)
                #expect(begun.subject == .pool)
                #expect((begun.depth ?? 0) >= 1)
            }
        }

        /// A pool that waits is looked at once a threshold: what is between two looks is not left to chance.
        @Test("since when no thread is left is told by its threads, not by the looks", arguments: [false, true])
        func beginning(isComputing: Bool) throws {
            let length: Int64 = 400_000_000
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            try withWatch(stacks: .off) { watch, recorder in
                watch.add(.pool("pool", submit: { pool.execute($0) }))
                try watch.waitUntilAnswered(["pool"])
                for _ in 0..<3 {
                    try watch.settle()
                    let before = recorder.all.last?.sequence ?? 0
                    let wakeups = watch.snapshot().watchdog.wakeups
                    try eventually("the watchdog has looked") { watch.snapshot().watchdog.wakeups > wakeups }
                    let missing = Atomic(2)
                    let began = Atomic<Int64>(0)
                    let ends = Guarded<[MonotonicInstant]>([])
                    for _ in 0..<2 {
                        pool.execute {
                            missing.subtract(1, ordering: .acquiringAndReleasing)
                            while missing.load(ordering: .acquiring) > 0 { sched_yield() }
                            let now = Clock.now().nanoseconds
                            _ = began.compareExchange(expected: 0, desired: now, ordering: .acquiringAndReleasing)
                            let end = MonotonicInstant(nanoseconds: began.load(ordering: .acquiring) + length)
                            if isComputing {
                                while Clock.now() < end {}
                            } else {
                                usleep(useconds_t(max(0, end.nanoseconds(since: Clock.now())) / 1_000))
                            }
                            ends.withLock { $0.append(Clock.now()) }
                        }
                    }
                    let ended = try recorder.wait(for: "the end of the stall") {
                        $0.sequence > before && $0.kind == .stall && $0.state == .ended
                    }
                    let first = try #require(ends.withLock { $0.min() })
                    let blocked = first.nanoseconds(
                        since: MonotonicInstant(nanoseconds: began.load(ordering: .acquiring))
                    )
                    let off = ended.durationNanoseconds + ended.interruptedNanoseconds - blocked
                    #expect(abs(off) < 100_000_000, "off by \(off) ns: \(recorder.lines)")
                }
            }
        }

        @Test("a concurrent queue runs dry when all of its threads are held")
        func concurrentQueue() throws {
            // A queue that is narrower than Dispatch's own pool, so that the test does not take all of its threads.
            let base = DispatchQueue(label: "base")
            let queue = DispatchQueue(label: "wide", attributes: .concurrent, target: base)
            try withWatch { watch, recorder in
                watch.add(.concurrentQueue("wide", queue))
                try checkShortJobs(on: "wide", watch, recorder) { queue.async(execute: $0) }
                #expect(recorder.reports.isEmpty)
                for way in [Hold.Way.sleeping, .computing] {
                    // Where other processes have the machine, jobs that compute wait for a CPU.
                    let causes: Set = way == .computing ? ["starvation", "runqueue"] : ["starvation"]
                    try checkStall(of: "wide", by: Hold(way), causes: causes, watch, recorder) {
                        queue.async(execute: $0)
                    }
                }
            }
        }

        @Test("a pool and a loop may have the same name")
        func sameName() throws {
            try withLoops([.poll]) { loops in
                try withWatch { watch, _ in
                    #expect(watch.add(loops[0].target("one")).problem == nil)
                    #expect(watch.add(.pool("one", submit: { loops[0].execute($0) })).problem == nil)
                }
            }
        }
    }
}
