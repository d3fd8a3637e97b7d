// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Loopwatch
@testable import LoopwatchCore

/// What the reports of one stall say of its code, from one to the next.
@Suite("Stacks of stalls that go on")
struct EpisodeStacksTests {
    private var stacks = EpisodeStacks()

    private func stack(_ function: String) -> Stack {
        Stack(frames: [StackFrame(function: function, module: "host", origin: .host)])
    }

    private func raw(_ address: UInt64) -> RawStack {
        RawStack(frames: [RawFrame(address: address, isReturnAddress: false)], isTruncated: false)
    }

    private func draft(_ state: StallReport.State, _ milliseconds: Int64, episode: UInt64 = 1) -> ReportDraft {
        ReportDraft(
            state: state,
            kind: .stall,
            episode: episode,
            began: MonotonicInstant(nanoseconds: 0),
            until: MonotonicInstant(nanoseconds: milliseconds * 1_000_000),
            durationNanoseconds: milliseconds * 1_000_000,
            interruptedNanoseconds: 0,
            severity: .warning,
            cause: .cpu
        )
    }

    private mutating func note(
        _ draft: ReportDraft,
        _ stacks: [Stack] = [],
        omitted: String? = nil,
        target: String = "one"
    ) -> EpisodeStacks.Found {
        self.stacks.note(
            draft,
            .loop(target) { _ in },
            stacks: stacks,
            // Any stack will do: what is not named yet is told apart by its addresses.
            StallCapture(stacks: stacks.map { raw(UInt64($0.frames.count)) }, omitted: omitted)
        )
    }

    @Test("in another process, the end names what most of the block was at, and not what it was at last")
    mutating func longest() {
        let target = WatchTarget.loop("one") { _ in }
        func sample(_ function: String, _ milliseconds: Int64) -> StackSamples.Sample {
            .init(stack: stack(function), instant: MonotonicInstant(nanoseconds: milliseconds * 1_000_000))
        }
        var finding = RemoteFinding(stacks: [stack("encode")], samples: [sample("query", 25), sample("encode", 50)])
        #expect(stacks.note(draft(.begun, 50), target, finding).stack == stack("encode"))
        finding = RemoteFinding(stacks: [stack("loop")], samples: [sample("loop", 121)])
        #expect(stacks.note(draft(.ongoing, 121), target, finding).stack == stack("loop"))
        #expect(stacks.note(draft(.ended, 122), target, RemoteFinding()).stack == stack("encode"))
        // The next one has nothing of it.
        finding = RemoteFinding(stacks: [stack("loop")], samples: [sample("loop", 150)])
        #expect(stacks.note(draft(.ended, 200, episode: 2), target, finding).stack == stack("loop"))
    }

    @Test("each stretch of blocked time belongs to the stack that was captured at its end, the rest to the last")
    mutating func stretches() {
        var found = note(draft(.begun, 100), [stack("a")])
        #expect(found.stack == stack("a") && found.nanoseconds == 100_000_000 && found.isFirst)
        found = note(draft(.ongoing, 200), [stack("b")])
        #expect(found.nanoseconds == 100_000_000 && !found.isFirst)
        found = note(draft(.ended, 350))
        #expect(found.stack == stack("b") && found.nanoseconds == 150_000_000 && found.omitted == nil)
        // The next stall of the target has nothing of it.
        found = note(draft(.begun, 100, episode: 2), omitted: "switched off")
        #expect(found.stack == nil && found.omitted == "switched off" && found.isFirst)
    }

    @Test("until the names of what was captured last are known, the same block's earlier ones are told, and no other's")
    mutating func namesThatFollow() {
        let target = WatchTarget.pool("one", submit: { _ in })
        let late = StallCapture(stacks: [raw(9)], omitted: "the names follow")
        #expect(stacks.note(draft(.begun, 100), target, stacks: [], late).omitted == "the names follow")
        stacks.complete(draft(.begun, 100), target, raw: [raw(9)], stacks: [stack("a")])
        let moved = StallCapture(stacks: [raw(10)], omitted: "the names follow")
        var found = stacks.note(draft(.ongoing, 200), target, stacks: [], moved)
        #expect(found.stack == stack("a") && found.omitted == nil && found.raw == [raw(10)])
        // They are asked for again, and told once they are there.
        #expect(stacks.unnamed(draft(.ongoing, 200), target) == [raw(10)])
        stacks.complete(draft(.ongoing, 200), target, raw: [raw(10)], stacks: [stack("b")])
        #expect(stacks.unnamed(draft(.ongoing, 200), target).isEmpty)
        found = stacks.note(draft(.ended, 300), target, stacks: [], StallCapture())
        #expect(found.stack == stack("b"))
        found = stacks.note(draft(.begun, 100, episode: 2), target, stacks: [], late)
        #expect(found.stack == nil && found.omitted == "the names follow")
    }

    @Test("a stack that could not be had is excused, until one could")
    mutating func omitted() {
        #expect(note(draft(.begun, 100), omitted: "it moved").omitted == "it moved")
        #expect(note(draft(.ongoing, 200), [stack("a")]).omitted == nil)
        #expect(note(draft(.ongoing, 400), omitted: "it moved").stack == stack("a"))
        let ended = note(draft(.ended, 500))
        #expect(ended.stack == stack("a") && ended.omitted == nil)
    }

    @Test("a stall that is told of only when it is over has no stack, and says so")
    mutating func endedBefore() {
        let found = note(draft(.ended, 120))
        #expect(found.stack == nil && found.omitted == EpisodeStacks.endedBefore)
        #expect(found.isFirst && found.nanoseconds == 120_000_000)
    }

    @Test("targets and stalls are kept apart")
    mutating func apart() {
        _ = note(draft(.begun, 100), [stack("a")], target: "one")
        _ = note(draft(.begun, 100), [stack("b")], target: "two")
        #expect(note(draft(.ended, 110), target: "one").stack == stack("a"))
        #expect(note(draft(.ended, 110), target: "two").stack == stack("b"))
    }

    @Test("of a pool's threads, the stack that most are at is told, and all share the time")
    mutating func pool() {
        let found = note(draft(.begun, 100), [stack("a"), stack("b"), stack("b")])
        #expect(found.stack == stack("b"))
    }

    @Test("threads of a pool that are in no code of the host are not what it is blocked by, unless all are")
    mutating func idleWorkers() {
        let idle = Stack(frames: [StackFrame(function: "sem_timedwait", module: "libc", origin: .system)])
        var found = note(draft(.begun, 100), [idle, idle, stack("a")])
        #expect(found.stack == stack("a"))
        found = note(draft(.begun, 100, episode: 2), [idle, idle])
        #expect(found.stack == idle)
    }

    @Test("idle workers of a pool are not told once their names are known, but why there is no stack")
    mutating func idleWorkersLater() {
        let idle = Stack(frames: [StackFrame(function: "sem_timedwait", module: "libc", origin: .system)])
        let pool = WatchTarget.pool("one", submit: { _ in })
        let capture = StallCapture(stacks: [raw(1), raw(2)], omitted: "later")
        _ = stacks.note(draft(.begun, 100), pool, stacks: [], capture)
        stacks.complete(draft(.begun, 100), pool, raw: [raw(1), raw(2)], stacks: [idle, idle])
        var ended = stacks.note(draft(.ended, 200), pool, stacks: [], StallCapture())
        #expect(ended.stack == nil && ended.groups.isEmpty)
        #expect(ended.omitted?.contains("threads that are known wait for work") == true)
        // One that is the host's is.
        _ = stacks.note(draft(.begun, 100), pool, stacks: [], capture)
        stacks.complete(draft(.begun, 100), pool, raw: [raw(1), raw(2)], stacks: [idle, stack("a")])
        ended = stacks.note(draft(.ended, 200), pool, stacks: [], StallCapture())
        #expect(ended.stack == stack("a") && ended.omitted == nil)
    }

    @Test("names that come later are those of what was captured last, and are used from then on")
    mutating func namesLater() {
        let target = WatchTarget.loop("one") { _ in }
        let first = stacks.note(
            draft(.begun, 100),
            target,
            stacks: [],
            StallCapture(stacks: [raw(1)], omitted: "later")
        )
        #expect(first.stack == nil && first.omitted == "later" && first.raw == [raw(1)])
        #expect(stacks.unnamed(draft(.ongoing, 200), target) == [raw(1)])
        _ = stacks.note(draft(.ongoing, 200), target, stacks: [], StallCapture(stacks: [raw(2)], omitted: "later"))
        stacks.complete(draft(.begun, 100), target, raw: [raw(1)], stacks: [stack("old")])
        #expect(stacks.unnamed(draft(.ongoing, 300), target) == [raw(2)])
        stacks.complete(draft(.ongoing, 200), target, raw: [raw(2)], stacks: [stack("new")])
        #expect(stacks.unnamed(draft(.ongoing, 300), target) == [])
        #expect(note(draft(.ended, 400)).stack == stack("new"))
    }

    @Test("stacks that were found after their report serve the next ones, unless it has some, or is over")
    mutating func foundLater() {
        let target = WatchTarget.loop("one") { _ in }
        let first = stacks.note(draft(.begun, 100), target, stacks: [], StallCapture())
        #expect(first.stack == nil && first.omitted == EpisodeStacks.endedBefore)
        let held = [stack("a"), stack("b"), stack("b")]
        let isTaken = stacks.addFound(draft(.begun, 100), target, raw: [raw(1), raw(2), raw(3)], stacks: held)
        #expect(isTaken)
        let next = stacks.note(draft(.ongoing, 200), target, stacks: [], StallCapture())
        #expect(next.stack == stack("b") && next.omitted == nil && next.groups.map(\.threads) == [2, 1])
        let isTakenAgain = stacks.addFound(draft(.ongoing, 200), target, raw: [raw(4)], stacks: [stack("c")])
        #expect(!isTakenAgain)
        #expect(note(draft(.ended, 300)).stack == stack("b"))
        let isTakenLate = stacks.addFound(draft(.ongoing, 200), target, raw: [raw(4)], stacks: [stack("c")])
        #expect(!isTakenLate)
    }

    @Test("code that is known without its line is told from code that is known with it, and from none")
    func lacksLine() {
        var found = EpisodeStacks.Found()
        #expect(!found.lacksLine)
        found.stack = stack("a")
        #expect(found.lacksLine)
        found.stack?.frames[0].line = 7
        #expect(!found.lacksLine)
        found.stack?.frames[0] = StackFrame(function: "read", module: "libc.so.6", origin: .system)
        #expect(!found.lacksLine, "the library's lines are nowhere")
    }

    @Test("a stack that comes after its report serves the next one, which gets all the time")
    mutating func lateStack() {
        let target = WatchTarget.loop("one") { _ in }
        let capture = StallCapture(computing: [7], omitted: "follows")
        let begun = stacks.note(draft(.begun, 100), target, stacks: [], capture)
        #expect(begun.isDeferred && begun.nanoseconds == 0 && begun.omitted == "follows")
        let isUsed = stacks.addLate(draft(.begun, 100), target, raw: raw(1))
        #expect(isUsed)
        #expect(stacks.unnamed(draft(.ongoing, 200), target) == [raw(1)])
        stacks.complete(draft(.begun, 100), target, raw: [raw(1)], stacks: [stack("a")])
        let ended = note(draft(.ended, 150))
        #expect(ended.stack == stack("a") && ended.nanoseconds == 150_000_000 && ended.isFirst && !ended.isDeferred)
        let isTaken = stacks.addLate(draft(.begun, 100), target, raw: raw(2))
        #expect(!isTaken)
    }

    @Test("a stack that never comes is excused, and the time is nobody's")
    mutating func neverThere() {
        let target = WatchTarget.loop("one") { _ in }
        let capture = StallCapture(computing: [7], omitted: "follows")
        _ = stacks.note(draft(.begun, 100), target, stacks: [], capture)
        stacks.excuse(draft(.begun, 100), target, omitted: "no CPU")
        var ended = note(draft(.ended, 150))
        #expect(ended.omitted == "no CPU" && ended.nanoseconds == 150_000_000 && ended.isFirst)
        // And one that it ended too early for.
        _ = stacks.note(draft(.begun, 100, episode: 2), target, stacks: [], capture)
        ended = note(draft(.ended, 101, episode: 2))
        #expect(ended.omitted == EpisodeStacks.endedBefore && ended.nanoseconds == 101_000_000)
    }
}
