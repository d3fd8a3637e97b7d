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
    @Suite("What is counted of Swift's pool and the main actor")
    struct PoolCountersTests {
        @Test("is every job, in counters and histograms alike")
        func everyJob() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, _ in
                        try watch.waitUntilIdle()
                        func values() -> [Double] {
                            [
                                watch.poolMetric("loopwatch_pool_jobs_total", #",priority="medium""#) ?? -1,
                                watch.poolMetric("loopwatch_pool_queue_wait_seconds_count") ?? -1,
                                watch.poolMetric("loopwatch_pool_run_seconds_count") ?? -1,
                                watch.poolMetric("loopwatch_pool_job_kinds_total", #",kind="task""#) ?? -1,
                            ]
                        }
                        let before = values()
                        let done = DispatchSemaphore(value: 0)
                        let count = 3_000
                        for _ in 0..<count { Task.detached { done.signal() } }
                        for _ in 0..<count { #expect(done.wait(timeout: .now() + 30) == .success) }
                        try watch.waitUntilIdle()
                        let after = values()
                        for (index, value) in after.enumerated() {
                            #expect(value - before[index] == Double(count), "\(index): \(before), \(after)")
                        }
                    }
                }
            }
        }

        @Test("never falls, whoever reads it while jobs begin and end all the time")
        func neverFalls() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, _ in
                        let isOver = Atomic(false)
                        let done = DispatchSemaphore(value: 0)
                        for priority in [TaskPriority.high, .medium, .utility] {
                            for number in 0..<3 {
                                Task.detached(priority: priority) { @Sendable in
                                    while !isOver.load(ordering: .relaxed) {
                                        await Task.yield()
                                        // Across the edges of the histograms.
                                        if number == 0 { usleep(700) }
                                    }
                                    done.signal()
                                }
                            }
                        }
                        var latest: [Substring: Double] = [:]
                        var falls: [String] = []
                        for _ in 0..<200 {
                            for (series, value) in Self.cumulative(watch.metrics()) {
                                if let before = latest[series], value < before {
                                    falls.append("\(series): \(before), \(value)")
                                }
                                latest[series] = value
                            }
                        }
                        isOver.store(true, ordering: .relaxed)
                        for _ in 0..<9 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        #expect(falls.isEmpty, "\(falls.prefix(10))")
                        #expect(latest.keys.contains { $0.hasPrefix("loopwatch_pool_run_seconds_bucket") })
                        #expect(latest.keys.contains { $0.hasPrefix("loopwatch_pool_queued_seconds_total") })
                    }
                }
            }
        }

        /// The series that may only grow.
        private static func cumulative(_ metrics: String) -> [(Substring, Double)] {
            var kinds: [Substring: Substring] = [:]
            var result: [(Substring, Double)] = []
            for line in metrics.split(separator: "\n") {
                if line.hasPrefix("# TYPE ") {
                    let words = line.split(separator: " ")
                    kinds[words[2]] = words[3]
                }
                guard !line.hasPrefix("#"), let space = line.lastIndex(of: " ") else { continue }
                let series = line[..<space]
                let name = series.prefix { $0 != "{" }
                let family = ["_bucket", "_count", "_sum"].lazy
                    .filter { name.hasSuffix($0) }.map { name.dropLast($0.count) }.first { kinds[$0] == "histogram" }
                guard kinds[name] == "counter" || family != nil, let value = Double(line[line.index(after: space)...])
                else { continue }
                result.append((series, value))
            }
            return result
        }

        @Test(
            "the main actor turns up once it is served, is reported when blocked, and yields to the host's own target"
        )
        func mainActor() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        #expect(watch.snapshot().loops.isEmpty)
                        let served = DispatchSemaphore(value: 0)
                        Task { @MainActor in served.signal() }
                        #expect(served.wait(timeout: .now() + 30) == .success)
                        try eventually("it turns up") { watch.snapshot().loops.map(\.name) == ["main-actor"] }
                        let gate = Gate()
                        Task { @MainActor in gate.block() }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.target == "main-actor" && $0.state == .begun
                        }
                        #expect(begun.kind == .stall && begun.subject == .loop, "\(recorder.lines)")
                        #expect(gate.ended == 0)
                        #expect(watch.metric(#"loopwatch_loop_blocked{process="tests",loop="main-actor"}"#) == 1)
                        gate.release()
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.stall == begun.stall && $0.state == .ended
                        }
                        let off = ended.durationNanoseconds + ended.interruptedNanoseconds - gate.nanoseconds
                        #expect(off > -1_000_000 && off < 100_000_000, "off by \(off) ns")
                        #expect(ended.cause == .lock)
                        try watch.settle()
                        #expect(recorder.ownReports.allSatisfy { $0.target == "main-actor" }, "\(recorder.lines)")

                        let registration = watch.add(.mainActor())
                        #expect(registration.problem == nil)
                        #expect(watch.snapshot().loops.map(\.name) == ["main-actor"])
                        try watch.waitUntilAnswered(["main-actor"])
                        let before = recorder.all.last?.sequence ?? 0
                        let again = Gate()
                        Task { @MainActor in again.block() }
                        let second = try recorder.wait(for: "the begun report") {
                            $0.sequence > before && $0.target == "main-actor" && $0.state == .begun
                        }
                        again.release()
                        try recorder.wait(for: "its end") { $0.stall == second.stall && $0.state == .ended }
                        try watch.settle()
                        let all = recorder.ownReports.filter { $0.sequence > before }
                        #expect(all.allSatisfy { $0.stall == second.stall }, "\(recorder.lines)")
                        registration.remove()
                        try eventually("it turns up again") { watch.snapshot().loops.map(\.name) == ["main-actor"] }
                        #expect(watch.add(.mainQueue("ui")).problem == nil)
                        try watch.waitUntilAnswered(["ui"])
                        // Under another name it is the main queue still: there is no second target for it.
                        #expect(watch.snapshot().loops.map(\.name) == ["ui"])
                    }
                }
            }
        }

        @Test("stop() ends what goes on, gives back what was exchanged, and leaves no thread")
        func stop() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let warm = DispatchSemaphore(value: 0)
                    Task.detached { warm.signal() }
                    warm.wait()
                    let original = hooks_read_words()
                    let recorder = ReportRecorder()
                    var configuration = WatchConfiguration.forTests
                    configuration.log = [recorder.destination]
                    configuration.endpoint = .free
                    configuration.watchesGlobalExecutor = true
                    let watch = try Loopwatch.start(configuration)
                    try watch.waitUntilAccounted()
                    #expect(hooks_read_words().job_entry != original.job_entry)
                    // A held thread of one priority, another that is starved, the main actor, and load.
                    let gate = Gate()
                    Task.detached(priority: .high) { gate.block() }
                    for _ in 0..<poolWidth { Task.detached { gate.block() } }
                    try gate.wait(for: poolWidth + 1)
                    Task.detached {}
                    let isOver = Atomic(false)
                    let done = DispatchSemaphore(value: 0)
                    for _ in 0..<2 {
                        Task.detached(priority: .utility) { @Sendable in
                            while !isOver.load(ordering: .relaxed) { await Task.yield() }
                            done.signal()
                        }
                    }
                    try recorder.wait(for: "the held thread") { $0.kind == .hold && $0.state == .begun }
                    try recorder.wait(for: "the starved priority") { $0.kind == .stall && $0.state == .begun }
                    watch.stop()
                    let now = hooks_read_words()
                    #expect(now.enqueue == original.enqueue && now.hook == original.hook, "\(now), \(original)")
                    #expect(
                        now.job_entry == original.job_entry && now.task_entry == original.task_entry,
                        "\(now), \(original)"
                    )
                    let begun = Set(recorder.reports.filter { $0.state == .begun }.map(\.stall))
                    let ended = Set(recorder.reports.filter { $0.state == .ended }.map(\.stall))
                    #expect(begun == ended, "\(recorder.lines)")
                    try eventually("no thread is left") { ProcessView.ownThreadNames.isEmpty }
                    gate.release(poolWidth + 1)
                    isOver.store(true, ordering: .relaxed)
                    for _ in 0..<2 { #expect(done.wait(timeout: .now() + 30) == .success) }
                    try eventually("all went on") { gate.ended == poolWidth + 1 }
                }
            }
        }
    }
}
