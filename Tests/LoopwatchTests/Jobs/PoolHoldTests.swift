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
    @Suite("A job that holds a thread of Swift's pool")
    struct PoolHoldTests {
        @Test("is reported while it does, and once it ends, with its beginning, length, task, name, cause and code")
        func held() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        #expect(try watch.jobs().accounting == PoolAccountingStatus(mode: .exact))
                        try warmUp(recorder)
                        let before = recorder.all.last?.sequence ?? 0
                        let gate = Gate()
                        let identifier = Atomic<UInt64>(0)
                        Task.detached(name: "checkout") { @Sendable in
                            identifier.store(currentTaskIdentifier(), ordering: .releasing)
                            gate.block()
                        }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.sequence > before && $0.kind == .hold && $0.state == .begun
                        }
                        #expect(gate.ended == 0, "it came while the thread was held")
                        // Five milliseconds on a machine of one's own.
                        let late = begun.durationNanoseconds - 200_000_000
                        #expect((0..<300_000_000).contains(late), "late by \(late) ns")
                        #expect(watch.poolMetric("loopwatch_pool_threads_held") == 1)
                        #expect(watch.poolMetric("loopwatch_pool_hold_age_seconds") ?? 0 > 0.2)
                        #expect(watch.poolMetric("loopwatch_pool_blocked") == 0)
                        try eventually("a later report") {
                            recorder.all.contains { $0.stall == begun.stall && $0.state == .ongoing }
                        }
                        gate.release()
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.stall == begun.stall && $0.state == .ended
                        }
                        let told = ended.durationNanoseconds + ended.interruptedNanoseconds
                        let off = told - gate.nanoseconds
                        // The task's own clock begins a little after the job, and more where others have the machine.
                        #expect(off > -1_000_000 && off < 100_000_000, "off by \(off) ns")
                        // The first goes out without the names where the machine has no time for them.
                        for report in [begun, ended] {
                            #expect(report.target == "swift" && report.subject == .pool)
                            #expect(report.cause == .lock, "\(report.cause)")
                            #expect(report.pool?.kind == .heldThread)
                            #expect(report.pool?.lane == .medium)
                            #expect(report.pool?.holders.map(\.task) == [identifier.load(ordering: .acquiring)])
                            #expect(report.pool?.holders.map(\.name) == ["checkout"])
                        }
                        if !isSanitized {
                            let function = ended.stack?.blamed?.function ?? "none"
                            #expect(function.contains("waitForSignalOfTest"), "\(recorder.lines)")
                            let early = begun.stack?.blamed?.function ?? ""
                            #expect(
                                early.contains("waitForSignalOfTest")
                                    || begun.stackOmitted?.contains("being read") == true,
                                "\(recorder.lines)"
                            )
                        }
                        try watch.settle()
                        #expect(recorder.all.count { $0.stall == begun.stall && $0.state == .begun } == 1)
                        #expect(recorder.all.count { $0.stall == begun.stall && $0.state == .ended } == 1)
                        let line = recorder.lines.last ?? ""
                        #expect(line.contains("pool thread held for ") && line.contains(" target=swift "), "\(line)")
                        #expect(line.contains(" state=ended cause=lock "), "\(line)")
                        #expect(line.contains(#" name=checkout"#) || line.contains(#" name="checkout""#), "\(line)")
                        #expect(try watch.jobs().holds.stallsBySeverity.reduce(0, +) == 2)
                        #expect(watch.poolMetric("loopwatch_pool_threads_held") == 0)
                    }
                }
            }
        }

        @Test("between two looks is reported all the same, with its exact length")
        func betweenLooks() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        // A closure of the host that blocks keeps the watchdog from looking. One that was slow before is
                        // known to be, and not taken for a process that stood still.
                        let loop = try ConditionLoop()
                        defer { loop.stop() }
                        let calls = Atomic(0)
                        let goOn = DispatchSemaphore(value: 0)
                        let registration = watch.add(
                            .pool(
                                "slow",
                                submit: { loop.execute($0) },
                                depth: {
                                    switch calls.add(1, ordering: .acquiringAndReleasing).newValue {
                                    case 1: usleep(150_000)
                                    case 3: goOn.wait()
                                    default: break
                                    }
                                    return 0
                                }
                            )
                        )
                        try eventually("the watchdog is kept") { calls.load(ordering: .acquiring) == 3 }
                        let gate = Gate()
                        Task.detached(name: "unseen") { gate.block() }
                        try gate.wait(for: 1)
                        poll(nil, 0, 400)
                        gate.release()
                        try eventually("the job ends") { gate.ended == 1 }
                        goOn.signal()
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.kind == .hold && $0.state == .ended
                        }
                        let told = ended.durationNanoseconds + ended.interruptedNanoseconds
                        let off = told - gate.nanoseconds
                        #expect(off > -1_000_000 && off < 100_000_000, "off by \(off) ns")
                        #expect(ended.pool?.holders.first?.name == "unseen")
                        #expect(try watch.jobs().holds.stallsBySeverity.reduce(0, +) == 1)
                        #expect(try watch.jobs().lost == 0)
                        registration.remove()
                    }
                }
            }
        }

        @Test("and runs another within: one stall, from the beginning of the outer one to its end")
        func nested() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        try warmUp(recorder)
                        let before = recorder.all.last?.sequence ?? 0
                        let executor = KeepingExecutor()
                        let gates = (first: Gate(), inner: Gate(), last: Gate())
                        _ = Task(executorPreference: executor) { gates.inner.block() }
                        try eventually("the inner job waits") { executor.hasJob }
                        Task.detached {
                            gates.first.block()
                            executor.runNested()
                            gates.last.block()
                        }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.sequence > before && $0.kind == .hold && $0.state == .begun
                        }
                        gates.first.release()
                        try gates.inner.wait(for: 1)
                        // It would be told of by itself after 200 ms.
                        poll(nil, 0, 500)
                        #expect(watch.poolMetric("loopwatch_pool_threads_held") == 1)
                        gates.inner.release()
                        try gates.last.wait(for: 1)
                        try watch.settle(rounds: 10)
                        gates.last.release()
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.sequence > before && $0.kind == .hold && $0.state == .ended
                        }
                        try watch.settle()
                        let span = try #require(gates.first.span)
                        let last = try #require(gates.last.span)
                        let off =
                            ended.durationNanoseconds + ended.interruptedNanoseconds
                            - last.ended.nanoseconds(since: span.began)
                        #expect(off > -1_000_000 && off < 100_000_000, "off by \(off) ns")
                        let reports = recorder.ownReports.filter { $0.sequence > before }
                        #expect(reports.allSatisfy { $0.stall == begun.stall }, "\(recorder.lines)")
                        #expect(reports.count { $0.state == .begun } == 1 && reports.count { $0.state == .ended } == 1)
                        #expect(try watch.jobs().holds.stallsBySeverity.reduce(0, +) == 2)
                    }
                }
            }
        }

        @Test("one after another, each is reported")
        func many() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        for number in 0..<10 {
                            let gate = Gate()
                            let before = recorder.all.last?.sequence ?? 0
                            Task.detached(name: "job-\(number)") { gate.block() }
                            // How long that takes, the machine says: what it takes away from the process does not count.
                            try recorder.wait(for: "the begun report of job \(number)") {
                                $0.sequence > before && $0.kind == .hold && $0.state == .begun
                            }
                            gate.release()
                            try eventually("the job ends") { gate.ended == 1 }
                        }
                        try eventually("ten have ended") {
                            recorder.all.count { $0.kind == .hold && $0.state == .ended } == 10
                        }
                        let names = recorder.all.filter { $0.state == .ended }.compactMap {
                            $0.pool?.holders.first?.name
                        }
                        // The first ones wait for the names of their code, and nothing else for them.
                        #expect(names.sorted() == (0..<10).map { "job-\($0)" })
                        #expect(try watch.jobs().holds.stallsBySeverity.reduce(0, +) == 10)
                        #expect(recorder.reports.allSatisfy { $0.kind == .hold }, "\(recorder.lines)")
                    }
                }
            }
        }

        @Test("none does under healthy load, and nothing is said")
        func healthy() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch({ $0.thresholds = Thresholds(warning: .milliseconds(500)) }) { watch, recorder in
                        let isOver = Atomic(false)
                        let done = DispatchSemaphore(value: 0)
                        let turns = Atomic(0)
                        let actor = BusyActor()
                        for number in 0..<8 {
                            Task.detached(priority: number.isMultiple(of: 2) ? .medium : .utility) { @Sendable in
                                while !isOver.load(ordering: .relaxed) {
                                    await withTaskGroup(of: Void.self) { group in
                                        for _ in 0..<4 { group.addTask { await actor.work() } }
                                    }
                                    await Task.yield()
                                    try? await Task.sleep(for: .milliseconds(1))
                                    turns.wrappingAdd(1, ordering: .relaxed)
                                }
                                done.signal()
                            }
                        }
                        poll(nil, 0, 4_000)
                        isOver.store(true, ordering: .relaxed)
                        for _ in 0..<8 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        try watch.settle()
                        #expect(recorder.ownReports.isEmpty || !watch.hadItsCPU, "\(recorder.lines)")
                        #expect(turns.load(ordering: .relaxed) > 100)
                        #expect(try watch.jobs().counters?.sum(.pool, \.started) ?? 0 > 1_000)
                    }
                }
            }
        }

        @Test("an actor that works off very many short calls does not, but one long call does")
        func actorFlood() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        // Until then nothing tells what an actor's job is at.
                        try warmUp(recorder)
                        let before = recorder.all.last?.sequence ?? 0
                        let actor = BusyActor()
                        let left = Atomic(2_000)
                        for _ in 0..<2_000 {
                            Task.detached { @Sendable in
                                await actor.work(nanoseconds: 1_000_000)
                                left.wrappingSubtract(1, ordering: .releasing)
                            }
                        }
                        try eventually("the flood ends") { left.load(ordering: .acquiring) == 0 }
                        try watch.settle()
                        let held = recorder.ownReports.filter { $0.sequence > before && $0.kind == .hold }
                        #expect(held.isEmpty || !watch.hadItsCPU, "\(recorder.lines)")

                        let gate = Gate()
                        left.store(800, ordering: .releasing)
                        for number in 0..<800 {
                            if number == 400 { Task.detached { await actor.block(gate) } }
                            Task.detached { @Sendable in
                                await actor.work(nanoseconds: 1_000_000)
                                left.wrappingSubtract(1, ordering: .releasing)
                            }
                        }
                        try gate.wait(for: 1)
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.sequence > before && $0.kind == .hold && $0.state == .begun && $0.cause == .lock
                        }
                        #expect(gate.ended == 0)
                        gate.release()
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.stall == begun.stall && $0.state == .ended
                        }
                        try eventually("the flood ends") { left.load(ordering: .acquiring) == 0 }
                        let told = ended.durationNanoseconds + ended.interruptedNanoseconds
                        let off = told - gate.nanoseconds
                        // Within two looks, on a machine of one's own.
                        #expect(abs(off) < 120_000_000, "off by \(off) ns: \(recorder.lines)")
                        #expect(ended.pool?.holders.first?.kind == .actor)
                        let all = recorder.ownReports.filter { $0.sequence > before && $0.kind == .hold }
                        #expect(all.allSatisfy { $0.stall == begun.stall } || !watch.hadItsCPU, "\(recorder.lines)")
                    }
                }
            }
        }

        @Test("with its thread ending, as none should, is not taken to hold it for good")
        func threadThatEnds() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, recorder in
                        try watch.waitUntilIdle()
                        let before = try watch.jobs().counters?.sum(.pool, \.started) ?? 0
                        Task.detached { hooks_end_thread() }
                        try eventually("it has begun") {
                            try watch.jobs().counters?.sum(.pool, \.started) ?? 0 > before
                        }
                        try eventually("nothing runs any more") {
                            try watch.jobs().counters?.sum(.pool, \.running) == 0
                        }
                        try watch.settle(rounds: 6)
                        #expect(try watch.jobs().held == 0)
                        #expect(recorder.reports.allSatisfy { $0.state == .ended }, "\(recorder.lines)")
                    }
                }
            }
        }
    }
}

private actor BusyActor {
    private var calls = 0

    func work(nanoseconds: Int64 = 20_000) {
        calls += 1
        let end = Clock.now().advanced(byNanoseconds: nanoseconds)
        while Clock.now() < end {}
    }

    func block(_ gate: Gate) { gate.block() }
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
