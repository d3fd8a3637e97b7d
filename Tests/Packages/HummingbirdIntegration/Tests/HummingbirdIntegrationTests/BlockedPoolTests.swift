// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import HummingbirdIntegration
import Loopwatch
import Testing

extension Integration {
    @Suite("A pool run dry")
    struct BlockedPoolTests {
        @Test("Swift's own pool is reported while its threads are held, and the loops are not")
        func globalExecutor() async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            let truth = try await IntegrationServer.withRunning(configuration: log.configuration(), monitor: monitor) {
                server in
                server.watch.add(.globalExecutor())
                return try await onOwnThread {
                    let answer = try HTTPConnection(port: server.port).get("/block-pool")
                    let truth = try #require(BlockRecord(text: answer.body), "answered: \(answer)")
                    try log.wait("the end of the pool's starvation") { $0.subject == .pool && $0.state == .ended }
                    return truth
                }
            }

            let entries = log.blamed
            #expect(entries.allSatisfy { $0.report.subject == .pool }, "\(log.text)")
            let begun = entries.filter { $0.report.state == .begun }
            #expect(begun.count == 1, "\(log.text)")
            #expect(begun.first?.whileBlocked == true, "\(log.text)")
            #expect(begun.first?.line.contains("pool blocked for ") == true, "\(log.text)")
            let ended = entries.filter { $0.report.state == .ended }
            #expect(ended.count == 1, "\(log.text)")
            expectDuration(of: try #require(ended.first?.report), toBe: truth, log: log)
        }

        @Test("a NIOThreadPool is reported with the depth of its queue, and its metrics show it meanwhile")
        func threadPool() async throws {
            let monitor = BlockMonitor()
            let log = ReportLog(monitor: monitor)
            let watch = try Loopwatch.start(log.configuration())
            defer { watch.stop() }
            let pool = CountingThreadPool(size: 2)
            watch.add(
                .pool(
                    "threads",
                    submit: { work in pool.runUncounted(work) },
                    depth: { pool.depth },
                    size: { pool.size }
                )
            )
            let truth = try await onOwnThread {
                let gate = DispatchGroup()
                gate.enter()
                let held = Counter()
                for _ in 0..<5 {
                    pool.run {
                        held.increment()
                        gate.wait()
                    }
                }
                // Whatever fails, the threads are let go, or the pool would never end.
                var isOpen = false
                defer { if !isOpen { gate.leave() } }
                let start = SuspendingClock.now
                _ = try eventually("both threads to be held") { held.value == 2 ? true : nil }
                monitor.begin(BlockMonitor.pool)

                let begun = try log.wait("the report of a pool run dry") { $0.state == .begun }
                #expect(begun.report.depth == 3, "\(log.text)")
                _ = try eventually("the metrics of the pool", instead: { watch.metrics() }) {
                    let text = watch.metrics()
                    let depth = sample("loopwatch_pool_queue_depth", ["pool=\"threads\""], in: text)
                    let limit = sample("loopwatch_pool_threads_limit", ["pool=\"threads\""], in: text)
                    return depth == 3 && limit == 2 ? true : nil
                }
                try log.wait("a second report of the same") { $0.state == .ongoing }

                isOpen = true
                let record = monitor.end(BlockMonitor.pool, lasted: SuspendingClock.now - start)
                gate.leave()
                try log.wait("the end of the starvation") { $0.state == .ended }
                return record
            }
            watch.stop()
            try await pool.shutDown()

            let entries = log.blamed
            #expect(entries.allSatisfy { $0.report.target == "threads" && $0.report.subject == .pool }, "\(log.text)")
            let begun = entries.filter { $0.report.state == .begun }
            #expect(begun.count == 1, "\(log.text)")
            #expect(begun.first?.whileBlocked == true, "\(log.text)")
            #expect(begun.first?.line.contains("pool blocked for ") == true, "\(log.text)")
            let ended = entries.filter { $0.report.state == .ended }
            #expect(ended.count == 1, "\(log.text)")
            #expect(ended.first?.report.cause == .starvation, "\(log.text)")
            expectDuration(of: try #require(ended.first?.report), toBe: truth, log: log)
        }
    }
}
