// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import HummingbirdIntegration
import Loopwatch
import Testing

extension Integration {
    @Suite("A metered NIOThreadPool")
    struct MeteredThreadPoolTests {
        @Test("is not reported while it is healthy, and counts every item")
        func healthy() async throws {
            try await withPool { pool, watch, log in
                let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<200 { group.addTask { try await pool.run { number } } }
                    return try await group.reduce(0, +)
                }
                #expect(sum == 199 * 100)
                for _ in 0..<20 { try await pool.run { _ = usleep(1_000) } }
                let text = watch.metrics()
                #expect(sample("loopwatch_pool_jobs_total", ["pool=\"files\""], in: text) == 220, "\(text)")
                #expect(sample("loopwatch_pool_run_seconds_count", ["pool=\"files\""], in: text) == 220)
                #expect(sample("loopwatch_pool_queue_depth", ["pool=\"files\""], in: text) == 0)
                #expect(log.blamed.isEmpty, "\(log.text)")
            }
        }

        @Test("one held thread of two is told of exactly, with the thread and the code that holds it")
        func held() async throws {
            try await withPool { pool, _, log in
                let truth = try await pool.run { readSlowly() }
                try await onOwnThread { _ = try log.wait("the end of the held thread") { $0.state == .ended } }
                let report = try #require(log.blamed.last?.report)
                #expect(report.kind == .hold && report.target == "files", "\(log.text)")
                #expect(report.stack?.frames.contains { $0.function.contains("readSlowly") } == true, "\(log.text)")
                let error = report.durationNanoseconds + report.interruptedNanoseconds - truth
                print("a work item of \(truth) ns was told by \(error) ns too long")
                // What lies between the clock readings of both, on a machine that has other things to do.
                #expect(abs(error) < 20_000_000)
                #expect(log.blamed.allSatisfy { $0.report.kind == .hold }, "\(log.text)")
            }
        }

        @Test("is starved when both are held and others wait, and says how many")
        func starved() async throws {
            try await withPool { pool, watch, log in
                try await onOwnThread {
                    let gate = DispatchSemaphore(value: 0)
                    for _ in 0..<2 { pool.submit { gate.wait() } }
                    for _ in 0..<3 { pool.submit {} }
                    defer { for _ in 0..<2 { gate.signal() } }
                    let begun = try log.wait("the report of a pool run dry") { $0.kind == .stall && $0.state == .begun }
                    #expect(begun.report.depth == 3, "\(log.text)")
                    #expect(begun.line.contains("all 2 threads are held (lock) and 3 jobs wait"), "\(begun.line)")
                    #expect(sample("loopwatch_pool_queue_depth", ["pool=\"files\""], in: watch.metrics()) == 3)
                }
                try await onOwnThread {
                    let ended = try log.wait("its end") { $0.kind == .stall && $0.state == .ended }
                    #expect(ended.report.cause == .starvation)
                }
            }
        }

        private func withPool(_ body: (MeteredThreadPool, Loopwatch, ReportLog) async throws -> Void) async throws {
            let log = ReportLog(monitor: BlockMonitor())
            let watch = try Loopwatch.start(log.configuration())
            let pool = MeteredThreadPool("files", threads: 2, watch: watch)
            try await body(pool, watch, log)
            try await pool.shutDown()
            watch.stop()
        }
    }
}

/// Sleeps as a slow disk has one sleep; returns for how long, in nanoseconds.
@inline(never)
private func readSlowly() -> Int64 {
    var (start, end) = (timespec(), timespec())
    clock_gettime(CLOCK_MONOTONIC, &start)
    usleep(300_000)
    clock_gettime(CLOCK_MONOTONIC, &end)
    return Int64(end.tv_sec - start.tv_sec) * 1_000_000_000 + Int64(end.tv_nsec - start.tv_nsec)
}
