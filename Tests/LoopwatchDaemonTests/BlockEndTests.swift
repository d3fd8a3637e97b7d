// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchCore
@testable import LoopwatchDaemon
@testable import LoopwatchPlatform

/// Whether a stack that was read late belongs to the block that is reported.
@Suite("The end of a block that is reported")
struct BlockEndTests {
    private static let loop = RemoteTargetIdentity(
        number: 1,
        name: "main",
        subject: .loop,
        threads: [7],
        description: "",
        rung: .executionBreakpoints
    )
    private static let other = RemoteTargetIdentity(
        number: 2,
        name: "other",
        subject: .loop,
        threads: [8],
        description: "",
        rung: .executionBreakpoints
    )

    private static func draft(_ state: StallReport.State, episode: UInt64 = 1) -> ReportDraft {
        let began = MonotonicInstant(nanoseconds: 0)
        return ReportDraft(
            state: state,
            kind: .stall,
            episode: episode,
            began: began,
            until: began.advanced(byNanoseconds: 60_000_000),
            durationNanoseconds: 60_000_000,
            interruptedNanoseconds: 0,
            severity: .warning,
            cause: .cpu,
            thread: 7,
            evidence: .exact
        )
    }

    @Test("that one look found with its beginning is known before a stack is read, which is of the wait by then")
    func knownAlready() {
        let begun = Self.draft(.begun)
        let later = MonotonicInstant(nanoseconds: 61_000_000)
        func isOver(_ said: ProcessWatch.Said, at instant: MonotonicInstant = later) -> Bool {
            AttachWork.isOver(begun, of: Self.loop, in: [.note("something else"), said], before: instant)
        }
        #expect(isOver(.report(Self.draft(.ended), of: Self.loop, threads: [])))
        #expect(!isOver(.report(Self.draft(.ended, episode: 2), of: Self.loop, threads: [])))
        #expect(!isOver(.report(Self.draft(.ended), of: Self.other, threads: [])))
        #expect(!isOver(.report(Self.draft(.ongoing), of: Self.loop, threads: [])))
        let before = MonotonicInstant(nanoseconds: 59_000_000)
        #expect(!isOver(.report(Self.draft(.ended), of: Self.loop, threads: []), at: before))
    }
}
