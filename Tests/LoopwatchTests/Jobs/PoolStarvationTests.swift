// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import CRuntimeHooks
import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Live {
    @Suite("Swift's pool runs dry")
    struct PoolStarvationTests {
        @Test("by a dead-lock: one report, which says who holds the threads, where, and how many wait")
        func deadLock() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch({ $0.endpoint = .free }) { watch, recorder in
                        try warmUp(recorder)
                        try watch.waitUntilIdle()
                        let before = recorder.all.last?.sequence ?? 0
                        // Each waits for a signal that only a task could give that gets no thread.
                        let gate = Gate()
                        for _ in 0..<poolWidth { Task.detached { gate.block() } }
                        try gate.wait(for: poolWidth)
                        let waiting = 9
                        let ran = Atomic(0)
                        for _ in 0..<waiting { Task.detached { @Sendable in ran.add(1, ordering: .releasing) } }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.sequence > before && $0.kind == .stall && $0.state == .begun
                        }
                        #expect(ran.load(ordering: .acquiring) == 0)
                        #expect(begun.target == "swift" && begun.cause == .starvation, "\(recorder.lines)")
                        #expect(begun.pool?.kind == .starved && begun.pool?.lane == .medium)
                        #expect(begun.pool?.waiting == waiting && begun.pool?.held == poolWidth)
                        let index = try #require(recorder.all.firstIndex { $0.sequence == begun.sequence })
                        let line = recorder.lines[index]
                        let threads = poolWidth == 1 ? "the only thread is" : "all \(poolWidth) threads are"
                        #expect(
                            line.contains(#" why="\#(threads) held (lock) and 9 jobs wait, the oldest for "#),
                            "\(line)"
                        )
                        // The first goes out without the names where the machine has no time for them.
                        let named = try recorder.wait(for: "a report that names the code") {
                            $0.stall == begun.stall && (isSanitized || $0.groups.first?.stack.blamed != nil)
                        }
                        if !isSanitized {
                            let place = recorder.lines.first {
                                $0.contains(": \(poolWidth) at waitForSignalOfTest(_:) PoolWatch.swift:")
                            }
                            #expect(place != nil, "\(recorder.lines)")
                            #expect(named.groups.map(\.threads) == [poolWidth])
                            let function = named.groups.first?.stack.blamed?.function ?? ""
                            #expect(function.contains("waitForSignalOfTest"), "\(recorder.lines)")
                        }
                        try Self.checkExposition(watch, waiting: waiting)
                        gate.release(poolWidth)
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.stall == begun.stall && $0.state == .ended
                        }
                        try eventually("all have run") { ran.load(ordering: .acquiring) == waiting }
                        try watch.settle()
                        let told = ended.durationNanoseconds + ended.interruptedNanoseconds
                        #expect(told > 0 && told < gate.nanoseconds + 100_000_000, "\(told), \(gate.nanoseconds)")
                        let reports = recorder.ownReports.filter { $0.sequence > before }
                        // Threads that are held are told of by that one report.
                        #expect(reports.allSatisfy { $0.stall == begun.stall }, "\(recorder.lines)")
                        #expect(reports.count { $0.state == .begun } == 1 && reports.count { $0.state == .ended } == 1)
                        #expect(recorder.lines.last?.contains("were held") == true, "\(recorder.lines)")
                        #expect(try watch.statistics(of: "swift").stallsBySeverity.reduce(0, +) == 1)
                        #expect(try watch.statistics(of: "swift").currentStallNanoseconds == nil)
                        #expect(try watch.jobs().holds.stallsBySeverity.reduce(0, +) == UInt64(1 + poolWidth))
                    }
                }
            }
        }

        private static func checkExposition(_ watch: Loopwatch, waiting: Int) throws {
            #expect(watch.poolMetric("loopwatch_pool_queue_depth") == Double(waiting))
            #expect(watch.poolMetric("loopwatch_pool_jobs_waiting", #",priority="medium""#) == Double(waiting))
            #expect(watch.poolMetric("loopwatch_pool_queue_depth_max") ?? 0 >= Double(waiting))
            #expect(watch.poolMetric("loopwatch_pool_threads_busy") == Double(poolWidth))
            #expect(watch.poolMetric("loopwatch_pool_blocked") == 1)
            #expect(watch.poolMetric("loopwatch_pool_accounting", #",accounting="exact""#) == 1)
            // The rates are those of threads that are busy, and of jobs that wait.
            let (first, began) = ((queued(watch), busy(watch)), Clock.now())
            poll(nil, 0, 500)
            let (second, ended) = ((queued(watch), busy(watch)), Clock.now())
            let seconds = Double(ended.nanoseconds(since: began)) / 1e9
            let depth = (second.0 - first.0) / seconds
            let threads = (second.1 - first.1) / seconds
            #expect(abs(depth - Double(waiting)) < 0.25 * Double(waiting), "\(depth)")
            #expect(abs(threads - Double(poolWidth)) < 0.25 * Double(poolWidth), "\(threads)")
            let address = try #require(watch.endpointAddress)
            let text = try TestClient.get("/", address, headers: "Accept: text/plain\r\n").body
            #expect(
                text.contains("pool swift is accounted exactly; \(poolWidth) threads busy, ")
                    || poolWidth == 1 && text.contains("pool swift is accounted exactly; 1 thread busy, "),
                "\(text)"
            )
            #expect(text.contains("; \(waiting) jobs waiting, "), "\(text)")
            let page = try TestClient.get("/", address, headers: "Accept: text/html\r\n").body
            #expect(page.contains("<p>pool <bdi>swift</bdi> is accounted exactly; "), "\(page)")
            let warnings = try TestClient.get("/warnings", address, headers: "Accept: application/x-ndjson\r\n").body
            let finding = try #require(warnings.split(separator: "\n").first { $0.contains(#""finding":"starved""#) })
            #expect(finding.contains(#""jobs_waiting":\#(waiting)"#), "\(finding)")
            #expect(finding.contains(#""threads_held":\#(poolWidth)"#), "\(finding)")
            #expect(finding.contains(#""holders":["#), "\(finding)")
        }

        private static func queued(_ watch: Loopwatch) -> Double {
            watch.poolMetric("loopwatch_pool_queued_seconds_total") ?? 0
        }

        private static func busy(_ watch: Loopwatch) -> Double {
            watch.poolMetric("loopwatch_pool_busy_seconds_total") ?? 0
        }

        @Test("at one priority, while the others go on")
        func onePriority() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        let gate = Gate()
                        for _ in 0..<poolWidth { Task.detached(priority: .high) { gate.block() } }
                        try gate.wait(for: poolWidth)
                        let ran = Atomic(0)
                        for _ in 0..<3 {
                            Task.detached(priority: .high) { @Sendable in ran.add(1, ordering: .releasing) }
                        }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.kind == .stall && $0.state == .begun
                        }
                        #expect(begun.pool?.lane == .high)
                        #expect(begun.pool?.waiting == 3)
                        let others = Atomic(0)
                        for _ in 0..<20 { Task.detached { @Sendable in others.add(1, ordering: .releasing) } }
                        try eventually("another priority goes on") { others.load(ordering: .acquiring) == 20 }
                        #expect(ran.load(ordering: .acquiring) == 0)
                        #expect(watch.poolMetric("loopwatch_pool_jobs_waiting", #",priority="high""#) == 3)
                        #expect(watch.poolMetric("loopwatch_pool_jobs_waiting", #",priority="medium""#) == 0)
                        gate.release(poolWidth)
                        try recorder.wait(for: "the ended report") { $0.stall == begun.stall && $0.state == .ended }
                        try watch.settle()
                        #expect(recorder.ownReports.allSatisfy { $0.pool?.lane == .high }, "\(recorder.lines)")
                    }
                }
            }
        }

        @Test("because Dispatch's own work has taken the threads, which is told as what it is")
        func takenByDispatch() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        try warmUp(recorder)
                        try watch.waitUntilIdle()
                        let before = recorder.all.last?.sequence ?? 0
                        let gate = Gate()
                        // More than Dispatch has threads for.
                        let count = 80
                        defer { gate.release(count) }
                        for _ in 0..<count { DispatchQueue.global().async { gate.block() } }
                        try gate.wait(for: 2)
                        let ran = Atomic(false)
                        Task.detached { @Sendable in ran.store(true, ordering: .releasing) }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.sequence > before && $0.kind == .stall && $0.state == .begun && $0.target == "swift"
                        }
                        // Where other processes have the machine, that is what the first report may say.
                        let found = try recorder.wait(for: "what it is") {
                            $0.stall == begun.stall && $0.pool?.kind == .takenByOthers
                        }
                        #expect(found.pool?.held == 0 && found.pool?.waiting == 1)
                        let line = recorder.lines.first { $0.contains("no Swift job holds a thread") } ?? ""
                        #expect(line.contains("1 job waits for "), "\(recorder.lines)")
                        // The threads of Dispatch are looked for, and found by one report or another.
                        let told = try recorder.wait(for: "a report that names what the threads are at") { report in
                            report.stall == begun.stall
                                && (isSanitized
                                    || report.groups.contains {
                                        $0.stack.blamed?.function.contains("waitForSignalOfTest") == true
                                    })
                        }
                        #expect(isSanitized || told.groups.first?.threads ?? 0 >= 2)
                        gate.release(count)
                        try recorder.wait(for: "the ended report") {
                            $0.stall == begun.stall && $0.state == .ended
                        }
                        try eventually("the job ran") { ran.load(ordering: .acquiring) }
                    }
                }
            }
        }

        @Test("of time, by very many short jobs: congestion, and no thread is held")
        func flood() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        let count = 20_000
                        let left = Atomic(count)
                        for _ in 0..<count {
                            Task.detached { @Sendable in
                                let end = Clock.now().advanced(byNanoseconds: 200_000)
                                while Clock.now() < end {}
                                left.wrappingSubtract(1, ordering: .releasing)
                            }
                        }
                        try recorder.wait(for: "the congestion") { $0.kind == .congestion && $0.state == .begun }
                        try eventually("the flood ends") { left.load(ordering: .acquiring) == 0 }
                        let ended = try recorder.wait(for: "its end") { $0.kind == .congestion && $0.state == .ended }
                        #expect(ended.pool?.kind == .congested)
                        try watch.settle()
                        #expect(
                            recorder.ownReports.allSatisfy { $0.kind == .congestion } || !watch.hadItsCPU,
                            "\(recorder.lines)"
                        )
                        #expect(try watch.jobs().depthMaximum > count / 2)
                        #expect(try watch.statistics(of: "swift").congestions >= 1)
                    }
                }
            }
        }
    }
}
