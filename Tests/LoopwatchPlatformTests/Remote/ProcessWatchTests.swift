// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Testing

/// Blocks of the loop of another process, that knows nothing of it.
@Suite("A watch of another process", .serialized, .timeLimit(.minutes(10)))
struct ProcessWatchTests {
    /// Whether this machine lets breakpoints be set in other processes.
    static let hasBreakpoints = isAllowed()

    private static func isAllowed() -> Bool {
        guard let loop = try? LoopFixture(), let call = call(of: loop.identifier),
            case .inside(_, _, _, let programCounter) = call.call
        else { return false }
        return (try? PerfEdges(thread: loop.identifier, means: .breakpoints(programCounter: programCounter))) != nil
    }

    private static func call(of process: Int32) -> RemoteCall? {
        let thread = RemoteThread(process: process, thread: process)
        try? eventually("the loop waits") { thread.call()?.wait != nil }
        return thread.call()
    }

    /// By how much an iteration may be longer than what the loop did in it, in nanoseconds: it reads what it is told, and
    /// writes the answer, and a machine that is busy takes the processor from it there.
    private static let surplusNanoseconds: Int64 = 100_000_000

    private static func expect(_ block: ReportDraft, matches truth: LoopFixture.Done) {
        #expect(block.evidence == .exact)
        #expect(block.began <= truth.began && truth.began.nanoseconds(since: block.began) < surplusNanoseconds)
        let surplus = block.durationNanoseconds - truth.nanoseconds
        #expect((0..<surplusNanoseconds).contains(surplus), "\(surplus) ns longer than \(truth)")
    }

    @Test("blocks are found with their lengths, by the edges of the loop's wait", .enabled(if: hasBreakpoints))
    func exact() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        let target = try watch.finds("main")
        #expect(target.rung == .executionBreakpoints && target.threads == [loop.identifier])
        let commands = ["sleep 30", "sleep 55", "spin 30", "spin 120", "sleep 400"]
        var long: [LoopFixture.Done] = []
        for command in commands {
            loop.tell(command)
            let done = try loop.done()
            if done.nanoseconds >= 50_000_000 { long.append(done) }
            try eventually("the loop waits again") { Self.call(of: loop.identifier)?.wait != nil }
        }
        let ended = try watch.ended(long.count)
        #expect(ended.count == long.count && long.count >= 3)
        for (block, truth) in zip(ended, long) {
            #expect(block.thread == loop.identifier)
            Self.expect(block, matches: truth)
        }
        #expect(ended.last?.cause == .syscall("clock_nanosleep"))
        let first = try #require(watch.drafts().first { $0.state == .begun })
        #expect(first.durationNanoseconds >= 50_000_000)
        #expect(watch.notes.isEmpty)
    }

    @Test("where looks cost too much, those at loops in their wait are further apart, also if found later")
    func pace() throws {
        let loop = try LoopFixture()
        let policy = DetectionPolicy(
            resolutionNanoseconds: 10_000_000,
            thresholds: Thresholds(warning: .milliseconds(50))
        )
        var watch = try ProcessWatch(
            process: loop.identifier,
            options: ProcessWatch.Options(policy: policy, rung: .polling),
            now: Clock.now()
        )
        #expect(watch.waitingLookNanoseconds == 15_000_000)
        var pace = LookPace(shareMost: Limits.remoteCPUShareMost)
        pace.take(cpuNanoseconds: 500_000_000, elapsedNanoseconds: 1_000_000_000, hasReported: false)
        watch.setPace(pace)
        #expect(watch.waitingLookNanoseconds == 20_000_000)
        // The pause from the end of a look at the loop: what the look itself takes is not part of it, however slow the
        // machine; looks for new threads now and then shorten it.
        var isFound = false
        var longest: Int64 = 0
        let deadline = Clock.now().advanced(byNanoseconds: 20_000_000_000)
        while longest < 17_000_000, Clock.now() < deadline {
            let now = Clock.now()
            for case .found in watch.look(now: now) { isFound = true }
            let ended = Clock.now()
            let next = watch.nextLook(now: now)
            if isFound { longest = max(longest, next.nanoseconds(since: ended)) }
            usleep(useconds_t(max(0, next.nanoseconds(since: Clock.now())) / 1_000))
        }
        #expect(isFound && (17_000_000...20_000_000).contains(longest), "\(longest) ns")
    }

    @Test("a main thread that waits by poll(2) is a loop as well", .enabled(if: hasBreakpoints))
    func pollLoop() throws {
        let loop = try LoopFixture()
        loop.tell("poll")
        _ = try loop.done()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        // Short jobs do not keep it from being found.
        for _ in 0..<3 {
            loop.tell("sleep 1")
            _ = try loop.done()
            try eventually("the loop waits again") { Self.call(of: loop.identifier)?.wait != nil }
            let samples = Clock.now().advanced(byNanoseconds: 50_000_000)
            try eventually("it is seen waiting") { Clock.now() > samples }
        }
        _ = try watch.finds("main")
        loop.tell("sleep 120")
        let truth = try loop.done()
        let ended = try watch.ended(1)
        Self.expect(try #require(ended.first), matches: truth)
    }

    @Test("a main thread that mostly sleeps, and now and then waits by poll(2), is no loop")
    func supervisor() throws {
        let loop = try LoopFixture()
        loop.tell("supervise 60 30")
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try loop.done()
        #expect(watch.found.isEmpty && watch.drafts().isEmpty, "\(watch.said)")
    }

    @Test("one that first waited only, and then mostly sleeps, is taken for a loop no more")
    func refuted() throws {
        let loop = try LoopFixture()
        loop.tell("supervise 0 30\nsupervise 60 5\nsupervise 60 5")
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try watch.finds("main")
        try eventually("it is none") {
            watch.said.contains { if case .gone(let target) = $0 { target.name == "main" } else { false } }
        }
        let told = watch.drafts().count
        for _ in 0..<3 { _ = try loop.done() }
        #expect(watch.found.count == 1 && watch.drafts().count == told)
    }

    @Test("short iterations without a pause, and an idle loop, are no block", .enabled(if: hasBreakpoints))
    func nothing() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try watch.finds("main")
        loop.tell("burst 200 1")
        let burst = try loop.done()
        #expect(burst.nanoseconds > 200_000_000)
        // The watch has seen the end of the burst, and an idle time after it.
        let before = watch.statistics("main")?.parkChecks ?? 0
        try eventually("the loop is seen idle") { (watch.statistics("main")?.parkChecks ?? 0) >= before + 10 }
        #expect(watch.drafts().allSatisfy { $0.durationNanoseconds < 100_000_000 }, "\(watch.drafts())")
        #expect((watch.statistics("main")?.lag.count ?? 0) >= 200)
    }

    @Test("a process that starts its first thread waits at another place from then on", .enabled(if: hasBreakpoints))
    func firstThread() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try watch.finds("main")
        loop.tell("workers 1")
        _ = try loop.done()
        // The look that finds the new place comes before the next block.
        let looks = watch.statistics("main")?.parkChecks ?? 0
        try eventually("the loop is seen idle") { (watch.statistics("main")?.parkChecks ?? 0) >= looks + 3 }
        loop.tell("sleep 200")
        let truth = try loop.done()
        Self.expect(try watch.ended(1)[0], matches: truth)
        #expect(watch.rung("main") == .executionBreakpoints)
    }

    @Test("a thread is known to wait, or not to")
    func waiting() throws {
        let loop = try LoopFixture()
        var watch = try ProcessWatch(
            process: loop.identifier,
            options: .init(policy: DetectionPolicy(resolutionNanoseconds: 10_000_000, thresholds: Thresholds())),
            now: Clock.now()
        )
        try eventually("the loop is found") {
            watch.look(now: Clock.now()).contains { if case .found = $0 { true } else { false } }
        }
        try eventually("it waits") { watch.isWaiting(loop.identifier) }
        loop.tell("nested 400")
        try eventually("it waits elsewhere") { !watch.isWaiting(loop.identifier) }
        _ = try loop.done()
        try eventually("it waits again") { watch.isWaiting(loop.identifier) }
    }

    @Test("a wait on another descriptor within an iteration is a block", .enabled(if: hasBreakpoints))
    func nested() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try watch.finds("main")
        loop.tell("nested 200")
        let truth = try loop.done()
        let ended = try watch.ended(1)
        Self.expect(ended[0], matches: truth)
        #expect(ended[0].cause == .syscall("epoll_wait"))
    }

    @Test("without edges a sleep is proved by looks, and a loop that computes never is called blocked")
    func polling() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier, rung: .polling)
        defer { watch.stop() }
        _ = try watch.finds("main")
        loop.tell("spin 300")
        _ = try loop.done()
        try eventually("the stretch is counted") { watch.statistics("main")?.unprovenStretches ?? 0 > 0 }
        #expect(watch.drafts().isEmpty)
        loop.tell("sleep 300")
        let truth = try loop.done()
        let ended = try watch.ended(1)
        #expect(ended[0].evidence == .bounded)
        #expect(ended[0].durationNanoseconds < truth.nanoseconds + Self.surplusNanoseconds)
        #expect(try #require(ended[0].durationUpperNanoseconds) + 1_000_000 >= truth.nanoseconds)
        #expect(ended[0].cause == .syscall("clock_nanosleep"))
    }

    @Test(
        "on suspicion a block is proved within bounds",
        arguments: [EvidenceRung.armedBreakpoints, .confirmedPolling]
    )
    func suspicion(rung: EvidenceRung) throws {
        guard rung != .armedBreakpoints || Self.hasBreakpoints else { return }
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier, rung: rung)
        defer { watch.stop() }
        #expect(try watch.finds("main").rung == rung)
        loop.tell("burst 200 1")
        _ = try loop.done()
        loop.tell("spin 400")
        let truth = try loop.done()
        let ended = try watch.ended(1)
        let block = try #require(ended.last)
        #expect(block.evidence == .bounded)
        #expect(block.durationNanoseconds < truth.nanoseconds + Self.surplusNanoseconds)
        #expect(try #require(block.durationUpperNanoseconds) + 1_000_000 >= truth.nanoseconds)
        #expect(block.began >= truth.began, "\(watch.drafts())")
        let stops = try #require(watch.waitStops)
        if rung == .confirmedPolling {
            // At least that which began to await the wait, and that at it.
            #expect(stops.count >= 2 && stops.sumNanoseconds > 0, "\(stops)")
        } else {
            #expect(stops.count == 0)
        }
    }

    @Test("the stack of a thread whose next wait is awaited is copied by who awaits it", .timeLimit(.minutes(10)))
    func copied() throws {
        let loop = try LoopFixture()
        var watch = try ProcessWatch(
            process: loop.identifier,
            options: .init(
                policy: DetectionPolicy(resolutionNanoseconds: 10_000_000, thresholds: Thresholds()),
                rung: .confirmedPolling
            ),
            now: Clock.now()
        )
        var reader = try RemoteStackReader(process: loop.identifier)
        try eventually("the loop is found") {
            watch.look(now: Clock.now()).contains { if case .found = $0 { true } else { false } }
        }
        loop.tell("spin 3000")
        var stack: Stack?
        try eventually("it is copied") {
            _ = watch.look(now: Clock.now())
            guard let copied = watch.copy(of: loop.identifier) else { return false }
            // Nobody else may stop it meanwhile.
            if case .success = reader.stack(of: loop.identifier, allowsStop: true) { return false }
            stack = reader.stack(of: copied)
            return true
        }
        #expect(stack?.frames.contains { $0.function == "spin_ms" } == true, "\(stack?.frames.map(\.function) ?? [])")
        #expect(stack?.frames.contains { $0.function == "main" } == true)
        #expect(watch.copyStops.count >= 1 && watch.callsCutShort.interrupted == 0)
        // It does what it was told to, to the end.
        #expect(try loop.done().nanoseconds >= 3_000_000_000)
    }

    @Test("a thread that is traced runs on when the watch ends, in mid-block")
    func abandoned() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier, rung: .confirmedPolling)
        _ = try watch.finds("main")
        loop.tell("spin 600")
        let began = Clock.now()
        try eventually("the thread is traced") { Self.tracer(of: loop.identifier) != "0" }
        watch.stop()
        try eventually("the thread is let go") { Self.tracer(of: loop.identifier) == "0" }
        let truth = try loop.done()
        #expect(truth.nanoseconds < 5_000_000_000 && Clock.now().nanoseconds(since: began) < 10_000_000_000)
        loop.tell("sleep 1")
        #expect(try loop.done().nanoseconds >= 1_000_000)
    }

    /// Who traces a process, by its own files; `0` for nobody.
    private static func tracer(of process: Int32) -> String {
        let lines = WholeFile.bytes(at: "/proc/\(process)/status", atMost: 4_096).split(separator: 10)
        let line = lines.first { $0.starts(with: "TracerPid:".utf8) } ?? []
        return String(decoding: line.filter { $0 >= 48 && $0 <= 57 }, as: UTF8.self)
    }

    @Test(
        "a loop that waits very often is armed on suspicion only, and its blocks are still found",
        .enabled(if: hasBreakpoints)
    )
    func often() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        _ = try watch.finds("main")
        loop.tell("burst 6000 0.2")
        _ = try loop.done()
        try eventually("breakpoints are off") { watch.rung("main") == .armedBreakpoints }
        #expect(watch.notes.count == 1 && watch.drafts().isEmpty, "\(watch.notes) \(watch.drafts())")
        loop.tell("spin 300")
        let truth = try loop.done()
        let block = try #require(try watch.ended(1).last)
        #expect(block.evidence == .bounded)
        #expect(block.durationNanoseconds < truth.nanoseconds + Self.surplusNanoseconds)
    }

    @Test("a process that is stopped is not blocked", .enabled(if: hasBreakpoints))
    func stopped() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier, threshold: 400)
        defer { watch.stop() }
        _ = try watch.finds("main")
        // It looks at the clock: of the second it computes for what is left by the stop.
        loop.tell("spin 1000")
        let view = RemoteThread(process: loop.identifier, thread: loop.identifier)
        let before = view.schedule()?.computedNanoseconds ?? 0
        try eventually("the loop computes") { (view.schedule()?.computedNanoseconds ?? 0) > before + 20_000_000 }
        kill(loop.identifier, SIGSTOP)
        try eventually("the process is stopped") { view.state() == "T" }
        poll(nil, 0, 800)
        kill(loop.identifier, SIGCONT)
        _ = try loop.done()
        try eventually("the stop is told") {
            watch.said.contains { if case .interrupted = $0 { true } else { false } }
        }
        #expect(watch.drafts().isEmpty, "\(watch.drafts())")
    }

    @Test(
        "a process that is stopped while its loop waits is told once, whatever its rung",
        arguments: [nil, .polling] as [EvidenceRung?]
    )
    func stoppedWhileWaiting(rung: EvidenceRung?) throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier, rung: rung)
        defer { watch.stop() }
        _ = try watch.finds("main")
        let view = RemoteThread(process: loop.identifier, thread: loop.identifier)
        let looks = watch.statistics("main")?.parkChecks ?? 0
        try eventually("the loop is seen idle") { (watch.statistics("main")?.parkChecks ?? 0) >= looks + 3 }
        let began = Clock.now()
        kill(loop.identifier, SIGSTOP)
        try eventually("the process is stopped") { view.state() == "T" }
        poll(nil, 0, 600)
        kill(loop.identifier, SIGCONT)
        let length = Clock.now().nanoseconds(since: began)
        func interruptions() -> [Interruption] {
            watch.said.compactMap { if case .interrupted(let interruption) = $0 { interruption } else { nil } }
        }
        try eventually("the stop is told") { !interruptions().isEmpty }
        let told = interruptions()
        #expect(told.count == 1 && told[0].kind == .suspended)
        // It is looked at every 100 ms, if the machine has time for that.
        #expect(told[0].nanoseconds > 500_000_000 && told[0].nanoseconds < length + 5_000_000_000)
        #expect(watch.drafts().isEmpty, "\(watch.drafts())")
    }

    @Test("a pool is found, and its saturation is told")
    func pool() throws {
        let loop = try LoopFixture()
        loop.tell("workers 3")
        _ = try loop.done()
        let watch = try RunningWatch(loop.identifier)
        defer { watch.stop() }
        #expect(try watch.finds("libuv-workers").threads.count == 3)
        #expect(watch.drafts("libuv-workers").isEmpty)
        loop.tell("work 1500")
        _ = try loop.done()
        let ended = try watch.ended(1, "libuv-workers")
        #expect(ended[0].cause == .starvation && ended[0].durationNanoseconds > 800_000_000)
        #expect(ended[0].durationNanoseconds < 1_700_000_000)
    }

    @Test("a process that ends is told, with the block that goes on")
    func end() throws {
        let loop = try LoopFixture()
        let watch = try RunningWatch(loop.identifier)
        _ = try watch.finds("main")
        loop.tell("sleep 60000")
        try eventually("the block is told") { !watch.drafts().isEmpty }
        kill(loop.identifier, SIGKILL)
        try eventually("the end is told") { watch.said.contains { if case .ended = $0 { true } else { false } } }
        #expect(watch.drafts().last?.state == .ended)
        watch.stop()
        #expect(throws: RemoteProblem.noProcess(0x3FFF_FFF0)) { try RemoteProcess(0x3FFF_FFF0) }
    }
}
