// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchTesting

/// Whose doing a block is.
@Suite("Whether a block is laid on a body")
struct StallJudgeTests {
    /// A body that ran from 1,000 to 2,000 ms.
    private func makeJudge(readsMarks: Bool = true) -> StallJudge {
        StallJudge(
            mark: 7,
            readsMarks: readsMarks,
            began: .milliseconds(1_000),
            ended: .milliseconds(2_000),
            thresholdNanoseconds: 50_000_000,
            unixOffsetNanoseconds: 0
        )
    }

    @Test(
        "is decided by the time in which it began",
        arguments: [(900, false), (1_000, true), (1_999, true), (2_010, false)]
    )
    func time(began: Int64, isBlamed: Bool) {
        #expect(makeJudge().blames(StallEpisode(.hold(began: began, mark: nil))) == isBlamed)
    }

    @Test("is the body's also after its end, in a task that it started")
    func afterwards() {
        #expect(makeJudge().blames(StallEpisode(.hold(began: 2_010, mark: 7))))
        #expect(!makeJudge().blames(StallEpisode(.hold(began: 2_010, mark: 8))))
        #expect(!makeJudge().blames(StallEpisode(.hold(began: 900, mark: 7))))
    }

    @Test("of a metered body is that body's, and of other metered pools too")
    func metered() {
        var report = StallReport.hold(mark: nil)
        report.pool?.isOfSwift = false
        for (target, owner) in [("expectNoStall-7", StallJudge.Owner.body), ("expectNoStall-8", .other), ("db", .body)]
        {
            report.target = target
            #expect(makeJudge().owner(of: StallEpisode(report)) == owner)
        }
    }

    @Test("is decided by its length")
    func length() {
        #expect(!makeJudge().blames(StallEpisode(.hold(milliseconds: 49, mark: 7))))
        #expect(makeJudge().blames(StallEpisode(.hold(milliseconds: 50, mark: 7))))
    }

    @Test("is decided by the time for which it computed, where it did", arguments: [Cause.cpu, .runqueue, .throttled])
    func computing(cause: Cause) {
        #expect(!makeJudge().blames(StallEpisode(.hold(milliseconds: 80, cause: cause, cpuShare: 0.5, mark: 7))))
        #expect(makeJudge().blames(StallEpisode(.hold(milliseconds: 200, cause: cause, cpuShare: 0.5, mark: 7))))
        // Asleep it was for all of the time.
        #expect(makeJudge().blames(StallEpisode(.hold(milliseconds: 80, cause: .lock, cpuShare: 0.01, mark: 7))))
    }

    @Test("is decided by the mark")
    func mark() {
        #expect(makeJudge().owner(of: StallEpisode(.hold(mark: 7))) == .body)
        #expect(makeJudge().owner(of: StallEpisode(.hold(mark: 8))) == .other)
        #expect(makeJudge().owner(of: StallEpisode(.hold(mark: nil))) == .unknown)
        #expect(makeJudge().blames(StallEpisode(.hold(mark: nil))), "nothing tells that it is another's")
        #expect(!makeJudge().blames(StallEpisode(.hold(mark: 8))))
    }

    @Test("is another's if it has no mark and a test runs it itself")
    func stack() {
        var report = StallReport.hold(mark: nil)
        report.stack = Stack(frames: [
            StackFrame(function: "wait()", module: "tests", origin: .host),
            StackFrame(function: "run()", module: "libTesting.so", origin: .runtime, link: .asynchronous),
        ])
        #expect(makeJudge().owner(of: StallEpisode(report)) == .other)
        #expect(
            makeJudge(readsMarks: false).owner(of: StallEpisode(report)) == .unknown,
            "this test's would have none either"
        )
    }

    @Test("of given loops is the body's")
    func loop() {
        var report = StallReport.hold(mark: nil)
        report.subject = .loop
        report.pool = nil
        #expect(makeJudge().owner(of: StallEpisode(report)) == .body)
    }

    @Test("takes the whole of what was reported of it")
    func episode() throws {
        var begun = StallReport.hold(milliseconds: 60, mark: 7)
        begun.state = .begun
        begun.stack = Stack(frames: [StackFrame(function: "wait()", module: "tests", origin: .host)])
        var ended = StallReport.hold(milliseconds: 90, mark: nil)
        ended.pool?.holders = []
        var congestion = StallReport.hold(mark: 7)
        congestion.stall = 2
        congestion.kind = .congestion
        let episodes = StallEpisode.episodes(of: [begun, congestion, ended])
        #expect(episodes.count == 1)
        let episode = try #require(episodes.first)
        #expect(episode.report.durationNanoseconds == 90_000_000)
        #expect(episode.report.stack == begun.stack)
        #expect(makeJudge().owner(of: episode) == .body)
    }

    @Test("and the sentence says where, for how long and why")
    func sentence() {
        var report = StallReport.hold(milliseconds: 312, cause: .syscall("clock_nanosleep"), mark: 7)
        report.stack = Stack(frames: [
            StackFrame(function: "clock_nanosleep", module: "libc.so.6", origin: .system),
            StackFrame(function: "innerBlocking()", file: "Checkout.swift", line: 14, module: "tests", origin: .host),
            StackFrame(function: "checkout()", module: "tests", origin: .host),
        ])
        #expect(
            StallSentence.text(of: StallEpisode(report), owner: .body)
                == "pool thread blocked for 312ms at innerBlocking() Checkout.swift:14 < checkout() (syscall:clock_nanosleep)"
        )
        #expect(StallSentence.text(of: StallEpisode(report), owner: .unknown).hasSuffix(StallSentence.unknownOwner))
        report.stack = nil
        report.stackOmitted = "it ended before the thread could be looked at"
        report.state = .ongoing
        #expect(
            StallSentence.text(of: StallEpisode(report), owner: .body)
                == "pool thread has been blocked for 312ms, and still is, (no stack: it ended before the thread could be "
                + "looked at) (syscall:clock_nanosleep)"
        )
    }
}

extension MonotonicInstant {
    fileprivate static func milliseconds(_ count: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: count * 1_000_000)
    }
}

extension StallReport {
    /// A thread that was held, from 1,500 ms on if nothing else is said.
    fileprivate static func hold(
        began: Int64 = 1_500,
        milliseconds: Int64 = 100,
        cause: Cause = .lock,
        cpuShare: Double? = nil,
        mark: UInt64?
    ) -> StallReport {
        let job = Job(
            identity: JobIdentity(slot: 0, startTicks: 1),
            thread: 1,
            began: .milliseconds(began),
            lane: .medium,
            mark: mark
        )
        return StallReport(
            sequence: 1,
            stall: 1,
            state: .ended,
            kind: .hold,
            subject: .pool,
            target: "swift",
            severity: .warning,
            durationNanoseconds: milliseconds * 1_000_000,
            beganUnixNanoseconds: began * 1_000_000,
            unixNanoseconds: (began + milliseconds) * 1_000_000,
            cause: cause,
            cpuShare: cpuShare,
            pool: PoolFinding(kind: .heldThread, lane: .medium, holders: [job], held: 1, width: 2)
        )
    }
}
