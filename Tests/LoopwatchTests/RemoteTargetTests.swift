// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchPlatform
import Testing

@testable import Loopwatch
@testable import LoopwatchCore

/// What is found of other processes goes through the same log, numbers, profile and metrics.
@Suite("Targets in other processes")
struct RemoteTargetTests {
    private static func target(_ process: String, pid: Int32, _ name: String, _ subject: StallReport.Subject = .loop)
        -> RemoteTarget
    {
        RemoteTarget(
            process: RemoteProcessName(name: process, identifier: pid),
            name: name,
            subject: subject,
            summary: "thread \(pid)",
            thresholds: Thresholds(warning: .milliseconds(50))
        )
    }

    private static func draft(_ state: StallReport.State, milliseconds: Int64, began: MonotonicInstant) -> ReportDraft {
        ReportDraft(
            state: state,
            kind: .stall,
            episode: 1,
            began: began,
            until: began.advanced(byNanoseconds: milliseconds * 1_000_000),
            durationNanoseconds: milliseconds * 1_000_000,
            interruptedNanoseconds: 0,
            severity: .warning,
            cause: .syscall("clock_nanosleep"),
            thread: 4242,
            evidence: .exact
        )
    }

    private static let stack = Stack(frames: [
        StackFrame(function: "time.sleep", module: "python3", origin: .runtime),
        StackFrame(function: "handler", file: "app.py", line: 12, module: "app.py", origin: .host),
    ])

    @Test("reports name the process, the evidence and the code, and two processes may have targets of one name")
    func reports() throws {
        try withWatch { watch, recorder in
            let first = Self.target("api", pid: 100, "main")
            let second = Self.target("api-2", pid: 200, "main")
            #expect(watch.add(first).problem == nil)
            #expect(watch.add(second).problem == nil)
            #expect(watch.add(Self.target("api", pid: 100, "main")).problem != nil)
            let now = Clock.now()
            watch.report(
                Self.draft(.begun, milliseconds: 52, began: now),
                of: first,
                finding: RemoteFinding(stacks: [Self.stack])
            )
            var begun = Self.draft(.begun, milliseconds: 53, began: now)
            begun.waitingConnections = 17
            watch.report(
                begun,
                of: second,
                finding: RemoteFinding(omitted: "it may not be read")
            )
            watch.report(Self.draft(.ended, milliseconds: 312, began: now), of: first, finding: RemoteFinding())
            watch.report(Self.draft(.ended, milliseconds: 80, began: now), of: second, finding: RemoteFinding())
            let ended = try recorder.wait(for: "the second end") { $0.process?.name == "api-2" && $0.state == .ended }
            #expect(ended.process?.identifier == 200)
            #expect(ended.stackOmitted == "it may not be read")
            let lines = recorder.lines.map { String($0.drop { $0 != "W" }) }
            try #require(lines.count == 4)
            #expect(
                lines[0].hasPrefix(
                    "WARN loop blocked for 52ms target=main process=api pid=100 state=begun "
                        + "cause=syscall:clock_nanosleep evidence=exact thread=4242"
                )
            )
            #expect(lines[0].contains("at=\"handler app.py:12\""))
            #expect(
                lines[1].contains("process=api-2 pid=200") && lines[1].contains("stack=\"omitted: it may not be read\"")
            )
            #expect(lines[1].contains(" waiting_connections=17 ") && !lines[0].contains("waiting_connections"))
            // The end repeats what was seen while it was blocked.
            #expect(lines[2].contains("blocked for 312ms") && lines[2].contains("at=\"handler app.py:12\""))
            // Each process has a stall of its own.
            #expect(recorder.all[0].stall == recorder.all[2].stall)
            #expect(recorder.all[0].stall != recorder.all[1].stall)
        }
    }

    @Test("metrics carry its process, and what was published last; nothing looks at it")
    func metrics() throws {
        try withWatch { watch, _ in
            let loop = Self.target("api", pid: 100, "main")
            let pool = Self.target("api", pid: 100, "anyio", .pool)
            let registration = watch.add(loop)
            watch.add(pool)
            var statistics = StallStatistics()
            statistics.finishedStallNanoseconds = 1_500_000_000
            loop.state = RemoteTarget.State(statistics: statistics)
            pool.state = RemoteTarget.State(
                threads: RemoteTargetSnapshot.RemoteThreads(total: 40, busy: 38, saturatedNanoseconds: 0),
                size: 40
            )
            #expect(watch.metric(#"loopwatch_loop_blocked_seconds_total{process="api",loop="main"}"#) == 1.5)
            #expect(watch.metric(#"loopwatch_pool_threads_busy{process="api",pool="anyio"}"#) == 38)
            #expect(watch.metric(#"loopwatch_pool_threads{process="api",pool="anyio"}"#) == 40)
            #expect(watch.metric(#"loopwatch_pool_threads_limit{process="api",pool="anyio"}"#) == 40)
            #expect(watch.metric(#"loopwatch_loop_probes_total{process="api",loop="main"}"#) == 0)
            registration.remove()
            #expect(watch.metric(#"loopwatch_loop_blocked_seconds_total{process="api",loop="main"}"#) == nil)
        }
    }

    @Test("a process that was stopped is reported and counted by its own name, what watching did to it as well")
    func process() throws {
        try withWatch { watch, recorder in
            let process = WatchedProcess(RemoteProcessName(name: "api", identifier: 100))
            watch.add(process)
            watch.add(process)
            #expect(watch.metric(#"loopwatch_thread_stop_seconds_count{process="api",reason="stack"}"#) == 0)
            var state = process.state
            state.stackStops.observe(nanoseconds: 50_000)
            state.suspensions = 1
            state.suspendedNanoseconds = 3_000_000_000
            process.state = state
            #expect(watch.metric(#"loopwatch_thread_stop_seconds_count{process="api",reason="stack"}"#) == 1)
            #expect(watch.metric(#"loopwatch_thread_stop_seconds_sum{process="api",reason="stack"}"#) == 5e-05)
            #expect(watch.metric(#"loopwatch_interruptions_total{process="api",cause="suspended"}"#) == 1)
            #expect(watch.metric(#"loopwatch_interrupted_seconds_total{process="api",cause="suspended"}"#) == 3)
            let now = Clock.now()
            watch.report(
                Interruption(from: now.advanced(byNanoseconds: -3_000_000_000), to: now, kind: .suspended),
                of: RemoteProcessName(name: "api", identifier: 100)
            )
            let report = try recorder.wait(for: "the interruption") { $0.process?.name == "api" }
            #expect(report.kind == .interruption && report.severity == nil)
            #expect(
                recorder.lines.contains {
                    $0.contains(
                        "INFO process suspended for 3000ms target=api process=api pid=100 state=ended cause=suspended"
                    )
                },
                "\(recorder.lines)"
            )
            watch.remove(process)
            #expect(watch.metric(#"loopwatch_thread_stop_seconds_count{process="api",reason="stack"}"#) == nil)
            #expect(watch.metric(#"loopwatch_interruptions_total{process="api",cause="suspended"}"#) == nil)
        }
    }

    @Test("one that was not added, or was removed, is not reported, and does no harm")
    func unknown() throws {
        try withWatch { watch, recorder in
            let known = Self.target("api", pid: 100, "main")
            let removed = Self.target("api", pid: 100, "gone")
            watch.add(known)
            watch.add(removed).remove()
            let now = Clock.now()
            for target in [removed, Self.target("api", pid: 100, "never"), known] {
                watch.report(Self.draft(.ended, milliseconds: 60, began: now), of: target, finding: RemoteFinding())
            }
            try recorder.wait(for: "the known one") { $0.target == "main" }
            #expect(recorder.all.count == 1)
        }
    }

    @Test("blocked time goes to the profile, of a pool shared out among its threads")
    func profile() throws {
        try withWatch({ $0.endpoint = .free }) { watch, recorder in
            let pool = Self.target("api", pid: 100, "anyio", .pool)
            watch.add(pool)
            let other = Stack(frames: [StackFrame(function: "query", module: "db.py", origin: .host)])
            let now = Clock.now()
            let finding = RemoteFinding(stacks: [Self.stack, other, Self.stack, Self.stack])
            watch.report(Self.draft(.begun, milliseconds: 100, began: now), of: pool, finding: finding)
            watch.report(Self.draft(.ended, milliseconds: 400, began: now), of: pool, finding: RemoteFinding())
            let ended = try recorder.wait(for: "the end") { $0.state == .ended }
            #expect(ended.groups.map(\.threads) == [3, 1])
            let address = try #require(watch.endpointAddress)
            // The report goes out first.
            try eventually("all of it is in the profile") {
                let folded = try TestClient.get("/profile", address).body
                let weights = folded.split(separator: "\n").compactMap {
                    $0.split(separator: " ").last.flatMap { Int($0) }
                }
                return folded.contains("handler") && folded.contains("query") && weights.reduce(0, +) == 400_000
            }
        }
    }
}
