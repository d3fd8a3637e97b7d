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
@_spi(ExperimentalCustomExecutors) import _Concurrency

extension Live {
    @Suite("Where Swift's pool cannot be accounted exactly")
    struct PoolLadderTests {
        @Test("only runs: held threads are exact, a pool that runs dry is found by beats, and all say so")
        func runs() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.check(.runs, says: "accounted by runs: the configuration asks for no more") {
                        watch,
                        recorder in
                        let gate = Gate()
                        Task.detached(name: "checkout") { gate.block() }
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.kind == .hold && $0.state == .begun
                        }
                        gate.release()
                        let ended = try recorder.wait(for: "the ended report") {
                            $0.stall == begun.stall && $0.state == .ended
                        }
                        let off = ended.durationNanoseconds + ended.interruptedNanoseconds - gate.nanoseconds
                        #expect(off > -1_000_000 && off < 100_000_000, "off by \(off) ns")
                        #expect(ended.pool?.holders.first?.name == "checkout")
                        #expect(watch.poolMetric("loopwatch_pool_queue_depth") == nil)
                        let before = watch.poolMetric("loopwatch_pool_run_seconds_count") ?? 0
                        let done = DispatchSemaphore(value: 0)
                        for _ in 0..<100 { Task.detached { done.signal() } }
                        for _ in 0..<100 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        try eventually("all runs are counted") {
                            watch.poolMetric("loopwatch_pool_run_seconds_count") ?? 0 >= before + 100
                        }
                    }
                }
            }
        }

        @Test("only enqueues: a pool that runs dry is found by beats, and all say so")
        func enqueues() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.check(.enqueues, says: "accounted by enqueues: the configuration asks for no more") {
                        watch,
                        _ in
                        let before = watch.poolMetric("loopwatch_pool_jobs_total", #",priority="high""#) ?? -1
                        let done = DispatchSemaphore(value: 0)
                        for _ in 0..<100 { Task.detached(priority: .high) { done.signal() } }
                        for _ in 0..<100 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        let after = watch.poolMetric("loopwatch_pool_jobs_total", #",priority="high""#) ?? -1
                        #expect(after == before + 100, "\(before), \(after)")
                        // What is not known is not told as none.
                        for name in [
                            "jobs_waiting", "queue_depth", "run_seconds_count", "threads_busy", "queued_seconds_total",
                        ] {
                            #expect(!watch.metrics().contains("loopwatch_pool_\(name){"), "\(name)")
                        }
                    }
                }
            }
        }

        @Test("nothing: a pool that runs dry is found by beats, and all say so")
        func off() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let original = hooks_read_words()
                    try Self.check(.off, says: "accounted by beats: it is switched off") { _, _ in
                        let now = hooks_read_words()
                        #expect(now.job_entry == original.job_entry && now.hook == original.hook)
                    }
                }
            }
        }

        @Test("the environment chooses as well")
        func environment() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    setenv("LOOPWATCH_ACCOUNTING", "runs", 1)
                    setenv("LOOPWATCH_LISTEN", "off", 1)
                    setenv("LOOPWATCH_LOG", "off", 1)
                    let watch = try Loopwatch.start()
                    defer { watch.stop() }
                    try watch.waitUntilAccounted()
                    #expect(try watch.jobs().accounting.mode == .runs)
                }
            }
        }

        @Test("a hook of the host that calls the runtime's own function is no obstacle")
        func chainingHook() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    hooks_set_counting()
                    try withPoolWatch { watch, recorder in
                        #expect(try watch.jobs().accounting.mode == .exact)
                        try watch.waitUntilIdle()
                        let counted = hooks_counted()
                        let before = try watch.jobs().counters?.sum(.pool, \.started) ?? 0
                        let done = DispatchSemaphore(value: 0)
                        for _ in 0..<100 { Task.detached { done.signal() } }
                        for _ in 0..<100 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        #expect(hooks_counted() == counted + 100)
                        try eventually("all are accounted") {
                            try watch.jobs().counters?.sum(.pool, \.started) == before + 100
                        }
                        try watch.settle(rounds: 10)
                        #expect(try watch.jobs().accounting.mode == .exact)
                        #expect(recorder.reports.isEmpty, "\(recorder.lines)")
                    }
                    #expect(hooks_read_words().hook != 0, "the host's hook is the host's")
                }
            }
        }

        @Test("a hook of the host that runs jobs elsewhere is told as the reason, and beats find what blocks")
        func redispatchingHook() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    hooks_set_redispatching()
                    let hook = hooks_read_words().hook
                    try Self.check(nil, says: "the process has an executor of its own in place of Swift's") { _, _ in }
                    #expect(hooks_read_words().hook == hook)
                }
            }
        }

        @Test("an executor of the program's own in place of Swift's is told as the reason, and beats find what blocks")
        func customExecutor() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    _createExecutors(factory: EmbeddedExecutors.self)
                    let before = EmbeddedExecutor.jobs.load(ordering: .relaxed)
                    let done = DispatchSemaphore(value: 0)
                    Task.detached { done.signal() }
                    #expect(done.wait(timeout: .now() + 30) == .success)
                    #expect(EmbeddedExecutor.jobs.load(ordering: .relaxed) > before, "the executor is in place")
                    try Self.check(nil, says: "the process has an executor of its own in place of Swift's") { _, _ in }
                }
            }
        }

        @Test("a hook that comes later is noticed within two seconds and told once, and beats find what blocks")
        func laterHook() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try Self.checkChange(says: "swift_task_enqueueGlobal_hook") { hooks_set_redispatching() }
                }
            }
        }

        @Test("a hook that comes later and calls the function that it is given is no obstacle")
        func laterChainingHook() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    try withPoolWatch { watch, _ in
                        #expect(try watch.jobs().accounting.mode == .exact)
                        hooks_set_counting()
                        // It is looked for once a second.
                        poll(nil, 0, 3_500)
                        let status = try watch.jobs().accounting
                        #expect(status.mode == .exact, "\(status)")
                        try watch.waitUntilIdle()
                        let counted = hooks_counted()
                        let before = try watch.jobs().counters?.sum(.pool, \.started) ?? 0
                        let done = DispatchSemaphore(value: 0)
                        for _ in 0..<100 { Task.detached { done.signal() } }
                        for _ in 0..<100 { #expect(done.wait(timeout: .now() + 30) == .success) }
                        #expect(hooks_counted() == counted + 100)
                        try eventually("all are accounted") {
                            try watch.jobs().counters?.sum(.pool, \.started) == before + 100
                        }
                        // One that comes after it and does not is still found.
                        hooks_set_redispatching()
                        try eventually("it is noticed") { try watch.jobs().accounting.mode == .off }
                    }
                }
            }
        }

        @Test("an exchange of the same words that comes later is noticed within two seconds and told once")
        func laterExchange() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let warm = DispatchSemaphore(value: 0)
                    Task.detached { warm.signal() }
                    warm.wait()
                    let original = hooks_read_words()
                    try Self.checkChange(says: "the entry of the job classes was changed by someone else") {
                        hooks_set_entry(original.job_entry)
                    }
                    #expect(hooks_read_words().enqueue == original.enqueue)
                }
            }
        }

        @Test("a pool that is blocked at the start is told by beats, and accounted exactly once a thread is free")
        func blockedAtStart() async {
            await #expect(processExitsWith: .success) {
                await onQuietThread {
                    let gate = Gate()
                    for _ in 0..<poolWidth { Task.detached { gate.block() } }
                    try gate.wait(for: poolWidth)
                    let before = Clock.now()
                    try withWatch({ $0.watchesGlobalExecutor = true }) { watch, recorder in
                        #expect(Clock.now().nanoseconds(since: before) < 2_000_000_000)
                        let begun = try recorder.wait(for: "the begun report") {
                            $0.kind == .stall && $0.state == .begun
                        }
                        let late = Clock.now().nanoseconds(since: before) - 200_000_000
                        #expect(late < 2_000_000_000, "\(late)")
                        #expect(begun.target == "swift" && begun.cause == .starvation, "\(recorder.lines)")
                        let status = try watch.jobs().accounting
                        #expect(!status.isSettled && status.reason?.contains("waits for a thread") == true, "\(status)")
                        #expect(watch.poolMetric("loopwatch_pool_accounting", #",accounting="beats""#) == 1)
                        gate.release(poolWidth)
                        try recorder.wait(for: "the ended report") { $0.stall == begun.stall && $0.state == .ended }
                        try eventually("it is accounted exactly") { try watch.jobs().accounting.mode == .exact }
                        // What beats found stays counted.
                        #expect(try watch.statistics(of: "swift").stallsBySeverity.reduce(0, +) == 1)
                        let again = Gate()
                        let sequence = recorder.all.last?.sequence ?? 0
                        Task.detached { again.block() }
                        try recorder.wait(for: "a held thread") {
                            $0.sequence > sequence && $0.kind == .hold && $0.state == .begun
                        }
                        again.release()
                    }
                }
            }
        }

        /// Checks how a watch says that the pool is accounted, and that a pool that runs dry is found by beats.
        private static func check(
            _ mode: PoolAccounting?,
            says reason: String,
            _ body: (Loopwatch, ReportRecorder) throws -> Void
        ) throws {
            try TestFiles.withFolder { folder in
                let path = "\(folder)/log"
                let recorder = ReportRecorder()
                try withPoolWatch({
                    $0.poolAccounting = mode ?? .exact
                    $0.endpoint = .free
                    $0.log = [.file(path: path), recorder.destination]
                }) { watch, _ in
                    let status = try watch.jobs().accounting
                    #expect(status.mode != .exact && (mode == nil || status.mode == mode), "\(status)")
                    try eventually("the log says so") {
                        TestFiles.lines(path).contains {
                            $0.contains("Swift's pool is accounted by ") && $0.contains(reason)
                        }
                    }
                    for each in PoolAccounting.allCases {
                        let value = watch.poolMetric("loopwatch_pool_accounting", #",accounting="\#(each.label)""#)
                        #expect(value == (each == status.mode ? 1 : 0), "\(each)")
                    }
                    let address = try #require(watch.endpointAddress)
                    let text = try TestClient.get("/", address, headers: "Accept: text/plain\r\n").body
                    #expect(
                        text.contains("pool swift is accounted by \(status.mode.label): ") && text.contains(reason),
                        "\(text)"
                    )
                    try body(watch, recorder)
                    try checkStarvation(watch, recorder)
                    #expect(TestFiles.lines(path).count { $0.contains("Swift's pool is accounted by ") } == 1)
                }
            }
        }

        private static func checkStarvation(_ watch: Loopwatch, _ recorder: ReportRecorder) throws {
            let before = recorder.all.last?.sequence ?? 0
            let gate = Gate()
            for _ in 0..<poolWidth { Task.detached { gate.block() } }
            let begun = try recorder.wait(for: "the pool's begun report") {
                $0.sequence > before && $0.target == "swift" && $0.kind == .stall && $0.state == .begun
            }
            #expect(gate.ended == 0)
            #expect(begun.cause == .starvation, "\(recorder.lines)")
            gate.release(poolWidth)
            let ended = try recorder.wait(for: "the pool's ended report") {
                $0.stall == begun.stall && $0.state == .ended
            }
            try eventually("all have ended") { gate.ended == poolWidth }
            let told = ended.durationNanoseconds + ended.interruptedNanoseconds
            // By beats it is known to within some looks.
            #expect(told > gate.nanoseconds - 180_000_000 || told > 200_000_000, "\(told), \(gate.nanoseconds)")
            #expect(told < gate.nanoseconds + 1_000_000_000, "\(told), \(gate.nanoseconds)")
            #expect(try watch.statistics(of: "swift").stallsBySeverity.reduce(0, +) >= 1)
        }

        private static func checkChange(says reason: String, _ change: () -> Void) throws {
            try TestFiles.withFolder { folder in
                let path = "\(folder)/log"
                let recorder = ReportRecorder()
                try withPoolWatch({
                    $0.endpoint = .free
                    $0.log = [.file(path: path), recorder.destination]
                }) { watch, _ in
                    #expect(try watch.jobs().accounting.mode == .exact)
                    // Something is counted that must not be lost.
                    try warmUp(recorder)
                    let held = try watch.jobs().holds.blockedNanoseconds
                    change()
                    let changed = Clock.now()
                    try eventually("it is noticed") { try watch.jobs().accounting.mode == .off }
                    let nanoseconds = Clock.now().nanoseconds(since: changed)
                    #expect(nanoseconds < 4_000_000_000)
                    #expect(try watch.jobs().accounting.reason?.contains(reason) == true)
                    #expect(watch.poolMetric("loopwatch_pool_accounting", #",accounting="beats""#) == 1)
                    #expect(try watch.jobs().holds.blockedNanoseconds == held)
                    let address = try #require(watch.endpointAddress)
                    let text = try TestClient.get("/", address, headers: "Accept: text/plain\r\n").body
                    #expect(text.contains("pool swift is accounted by beats: ") && text.contains(reason), "\(text)")
                    try checkStarvation(watch, recorder)
                    poll(nil, 0, 2_500)
                    let lines = TestFiles.lines(path).filter { $0.contains("accounted by beats from now on: ") }
                    #expect(lines.count == 1 && lines[0].contains(reason), "\(lines)")
                    // The watch that leaves does not touch what is not its own any more.
                }
            }
        }
    }
}

/// An executor that a program brings in place of Swift's: one thread for everything.
private final class EmbeddedExecutor: TaskExecutor {
    static let jobs = Atomic(0)
    private let queue = DispatchQueue(label: "embedded")

    func enqueue(_ job: consuming ExecutorJob) {
        Self.jobs.add(1, ordering: .relaxed)
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

private enum EmbeddedExecutors: ExecutorFactory {
    static var mainExecutor: any MainExecutor { PlatformExecutorFactory.mainExecutor }
    static let defaultExecutor: any TaskExecutor = EmbeddedExecutor()
}
