// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import LoopwatchPlatform
import Synchronization
import Testing

@testable import Loopwatch
@testable import LoopwatchCore

/// What a report waits for, and what it takes of what was prepared for it.
@Suite("Reports that wait for stacks")
struct PendingReportTests {
    private let watched = WatchedTarget(
        target: .loop("one") { _ in },
        policy: DetectionPolicy(
            resolutionNanoseconds: 10_000_000,
            thresholds: Thresholds(warning: .milliseconds(50))
        ),
        now: MonotonicInstant(nanoseconds: 0)
    )

    private func raw(_ address: UInt64) -> RawStack {
        RawStack(frames: [RawFrame(address: address, isReturnAddress: false)], isTruncated: false)
    }

    private func draft(
        _ state: StallReport.State,
        kind: StallReport.Kind = .stall,
        durationNanoseconds: Int64 = 50_000_000,
        preparation: UInt64? = nil
    ) -> ReportDraft {
        ReportDraft(
            state: state,
            kind: kind,
            episode: 1,
            began: MonotonicInstant(nanoseconds: 0),
            until: MonotonicInstant(nanoseconds: durationNanoseconds),
            durationNanoseconds: durationNanoseconds,
            interruptedNanoseconds: 0,
            severity: .warning,
            cause: .cpu,
            preparation: preparation
        )
    }

    private func report(_ draft: ReportDraft, computing: [ThreadIdentifier], beat: UInt64 = 3) -> PendingReport {
        PendingReport(
            draft,
            of: watched,
            now: draft.until,
            unixNanoseconds: 0,
            StallCapture(computing: computing, token: .beat(beat))
        )
    }

    @Test("the beginning of a stall goes out within 3 ms, what is awaited less may take longer")
    func deadlines() {
        func wait(_ draft: ReportDraft) -> Int64 {
            report(draft, computing: []).deadline.nanoseconds(since: draft.until)
        }
        #expect(wait(draft(.begun)) == 2_000_000)
        #expect(wait(draft(.ongoing)) == 30_000_000)
        #expect(wait(draft(.ended)) == 30_000_000)
        #expect(wait(draft(.begun, kind: .congestion)) == 30_000_000)
        // The watchdog was late already.
        #expect(wait(draft(.begun, durationNanoseconds: 51_500_000)) == 500_000)
        #expect(wait(draft(.begun, durationNanoseconds: 60_000_000)) == 0)
        #expect(wait(draft(.ongoing, durationNanoseconds: 60_000_000)) == 30_000_000)
    }

    @Test("the first report of a blocked pool does not wait longer for the threads that hold it to be found")
    func searching() {
        func deadline(_ draft: ReportDraft) -> MonotonicInstant {
            let pool = WatchedTarget(target: .pool("one", submit: { _ in }), policy: watchedPolicy, now: Clock.now())
            var report = PendingReport(draft, of: pool, now: Clock.now(), unixNanoseconds: 0, StallCapture())
            report.search(by: 1)
            return report.deadline
        }
        for kind in [StallReport.Kind.stall, .hold] {
            let begun = deadline(draft(.begun, kind: kind))
            #expect(begun.nanoseconds(since: Clock.now()) <= 2_000_000)
            let before = Clock.now()
            #expect(deadline(draft(.ongoing, kind: kind)).nanoseconds(since: before) >= 30_000_000)
        }
        // One that is due does not wait for the search to begin either.
        let (begun, ongoing) = (report(draft(.begun), computing: []), report(draft(.ongoing), computing: []))
        #expect(!begun.searchesAfterwards(at: begun.now) && begun.searchesAfterwards(at: begun.deadline))
        #expect(!ongoing.searchesAfterwards(at: ongoing.deadline))
    }

    @Test("a stack that was taken a little before serves, if it is of the same job")
    func preparedStack() throws {
        var prepared = PreparedStacks()
        prepared.add(Preparation(number: 5, thread: 7), of: watched, StallCapture(computing: [7], token: .beat(3)))
        let isTaken = prepared.add(raw(1), of: 7, watched, token: .beat(3))
        #expect(isTaken)
        // Another beat is another job.
        let other = prepared.add(raw(2), of: 7, watched, token: .beat(4))
        #expect(!other)
        var report = report(draft(.begun, preparation: 5), computing: [7, 8])
        let found = prepared.take(for: report.draft, of: watched, token: .beat(3))
        report.take(try #require(found))
        #expect(report.capture.stacks == [raw(1)] && report.capture.computing == [8])
        let unused = prepared.takeUnused()
        #expect(unused == 0)
        let again = prepared.take(for: report.draft, of: watched, token: .beat(3))
        #expect(again == nil)
    }

    @Test("a stack of a job that went on to another, or ended, is not used, and counted", arguments: [0, 1, 2])
    func stale(way: Int) {
        var prepared = PreparedStacks()
        prepared.add(Preparation(number: 5, thread: 7), of: watched, StallCapture(stacks: [raw(9)], token: .beat(3)))
        _ = prepared.add(raw(1), of: 7, watched, token: .beat(3))
        var found: PreparedStacks.Prepared?
        switch way {
        case 0: found = prepared.take(for: draft(.begun, preparation: 6), of: watched, token: .beat(3))
        case 1: found = prepared.take(for: draft(.begun), of: watched, token: .beat(3))
        // The next preparation of the target.
        default: prepared.add(Preparation(number: 6, thread: 7), of: watched, StallCapture(token: .beat(4)))
        }
        #expect(found == nil)
        let unused = [prepared.takeUnused(), prepared.takeUnused()]
        #expect(unused == [2, 0])
    }

    @Test("a pool's jobs and its priorities are prepared for side by side")
    func sideBySide() {
        var prepared = PreparedStacks()
        func add(_ number: UInt64, _ address: UInt64, _ token: ProgressToken) {
            let preparation = Preparation(number: number, thread: nil)
            prepared.add(preparation, of: watched, StallCapture(stacks: [raw(address)], token: token))
        }
        func take(_ number: UInt64, _ token: ProgressToken) -> [RawStack]? {
            prepared.take(for: draft(.begun, preparation: number), of: watched, token: token)?.asleep
        }
        let job = JobIdentity(slot: 1, startTicks: 5)
        add(1, 1, .job(job))
        add(1, 2, .started(.medium, 4))
        add(1, 3, .started(.high, 4))
        // The next wait of a priority takes the place of the one before.
        add(2, 4, .started(.medium, 9))
        var unused = prepared.takeUnused()
        #expect(unused == 1)
        let found = [take(2, .started(.medium, 9)), take(1, .job(job))]
        #expect(found == [[raw(4)], [raw(1)]])
        // A job of the priority has begun since.
        let late = take(1, .started(.high, 5))
        #expect(late == nil)
        unused = prepared.takeUnused()
        #expect(unused == 1)
    }

    @Test("what was prepared does not keep a target, and there is a limit to it")
    func bounded() {
        var prepared = PreparedStacks()
        var targets: [WatchedTarget] = []
        for _ in 0...Limits.preparationsKept {
            let target = WatchedTarget(target: .loop("x") { _ in }, policy: watchedPolicy, now: Clock.now())
            targets.append(target)
            prepared.add(Preparation(number: 1, thread: 7), of: target, StallCapture(stacks: [raw(1)], token: .beat(1)))
        }
        var unused = prepared.takeUnused()
        #expect(unused == 1)
        let oldest = prepared.take(for: draft(.begun, preparation: 1), of: targets[0], token: .beat(1))
        #expect(oldest == nil)
        let next = prepared.take(for: draft(.begun, preparation: 1), of: targets[1], token: .beat(1))
        #expect(next != nil)
        weak let removed = targets[2]
        targets = []
        #expect(removed == nil)
        prepared.add(Preparation(number: 1, thread: 7), of: watched, StallCapture(token: .beat(1)))
        unused = prepared.takeUnused()
        #expect(unused == Limits.preparationsKept - 1)
    }

    private var watchedPolicy: DetectionPolicy {
        DetectionPolicy(resolutionNanoseconds: 10_000_000, thresholds: Thresholds(warning: .milliseconds(50)))
    }

    @Test("without a stack in time it says that one follows; one of the same job from before is better than none")
    func noStackInTime() throws {
        var late = report(draft(.begun, preparation: 5), computing: [7])
        late.endCapturing()
        #expect(late.capture.stacks.isEmpty && late.capture.omitted?.contains("later reports have it") == true)
        // It slept when the report was prepared, and computes now.
        var prepared = PreparedStacks()
        prepared.add(Preparation(number: 5, thread: 7), of: watched, StallCapture(stacks: [raw(1)], token: .beat(3)))
        var report = report(draft(.begun, preparation: 5), computing: [7])
        let found = prepared.take(for: report.draft, of: watched, token: .beat(3))
        report.take(try #require(found))
        #expect(report.capture.stacks.isEmpty)
        report.endCapturing()
        #expect(report.capture.stacks == [raw(1)] && report.capture.omitted == nil)
    }

    @Test("names without lines that were found before are better than none, if they are of all the stacks")
    func namesFoundBefore() throws {
        let name = Stack(frames: [StackFrame(function: "a", module: "host", origin: .host)])
        var prepared = PreparedStacks()
        prepared.add(Preparation(number: 5, thread: 7), of: watched, StallCapture(computing: [7], token: .beat(3)))
        _ = prepared.add(raw(1), of: 7, watched, token: .beat(3))
        prepared.add(PreparedNames([raw(1): name]), of: watched)
        var report = report(draft(.begun, preparation: 5), computing: [7])
        let found = prepared.take(for: report.draft, of: watched, token: .beat(3))
        report.take(try #require(found))
        report.raw = [raw(1), raw(2)]
        report.endNaming()
        #expect(report.stacks == nil)
        report.add(PreparedNames([raw(2): name]), of: watched)
        report.endNaming()
        #expect(report.stacks == [name, name])
        // What was found since is better.
        report.stacks = []
        report.endNaming()
        #expect(report.stacks == [])
    }

    @Test("names that were found before are asked for once more only if there may be more to them")
    func completeNames() {
        func name(_ line: Int?) -> Stack {
            Stack(frames: [StackFrame(function: "a", line: line, module: "host", origin: .host)])
        }
        var report = report(draft(.begun), computing: [])
        #expect(report.beginNaming([raw(1)]) && report.stacks == nil && report.step == .naming)
        report.add(PreparedNames([raw(1): name(nil)]), of: watched)
        #expect(report.beginNaming([raw(1)]) && report.stacks == nil)
        report.add(PreparedNames([raw(1): name(7)], areComplete: true), of: watched)
        #expect(!report.beginNaming([raw(1)]) && report.stacks == [name(7)])
        // What is known stays known, and of another stack nothing is.
        report.add(PreparedNames([raw(1): name(nil)]), of: watched)
        #expect(!report.beginNaming([raw(1)]) && report.stacks == [name(7)])
        #expect(report.beginNaming([raw(1), raw(2)]) && report.stacks == nil)
        #expect(!report.beginNaming([]) && report.stacks == nil)
    }

    @Test("prepared names come at once, and once more if there is more to them")
    func namesComeTwice() throws {
        let finder = try NameFinder(captures: CaptureCounts())
        defer { finder.stop() }
        let pause: @convention(c) (CInt) -> CInt = { $0 + 1 }
        let stack = raw(UInt64(UInt(bitPattern: unsafeBitCast(pause, to: UnsafeRawPointer.self))))
        func prepare(until isEnough: @escaping @Sendable ([Bool]) -> Bool) -> [Bool] {
            let told = Mutex<[Bool]>([])
            let done = DispatchSemaphore(value: 0)
            finder.prepare([stack]) { stacks, areComplete in
                let count = told.withLock { told in
                    if stacks.count == 1 { told.append(areComplete) }
                    return told
                }
                if isEnough(count) { done.signal() }
            }
            _ = done.wait(timeout: .now() + 120)
            return told.withLock { $0 }
        }
        #expect(prepare { $0.last == true } == [false, true])
        #expect(prepare { !$0.isEmpty } == [true])
    }

    @Test("an idle worker is not to blame while a thread that computes is still being captured")
    func idleWorker() {
        let idle = Stack(frames: [StackFrame(function: "sem_timedwait", module: "libc", origin: .system)])
        let busy = Stack(frames: [StackFrame(function: "a", module: "host", origin: .host)])
        func left(_ stacks: [Stack], computing: [ThreadIdentifier]) -> PendingReport {
            var report = report(draft(.begun), computing: computing)
            report.capture.stacks = stacks.indices.map { raw(UInt64($0)) }
            report.raw = report.capture.stacks
            report.stacks = stacks
            report.leaveOutIdle()
            return report
        }
        let awaited = left([idle], computing: [7])
        #expect(awaited.capture.stacks.isEmpty && awaited.stacks == [] && awaited.raw.isEmpty)
        #expect(awaited.capture.omitted?.contains("still being taken") == true)
        #expect(left([idle, busy], computing: [7]).capture.stacks.count == 2)
        #expect(left([idle], computing: []).capture.stacks.count == 1)
    }

    @Test("an idle worker is not what a pool is blocked by; a thread that is known to be held is, whatever it is at")
    func idleWorkerOfPool() {
        let idle = Stack(frames: [StackFrame(function: "sem_timedwait", module: "libc", origin: .system)])
        let busy = Stack(frames: [StackFrame(function: "a", module: "host", origin: .host)])
        let pool = WatchedTarget(target: .pool("one", submit: { _ in }), policy: watchedPolicy, now: Clock.now())
        func left(_ stacks: [Stack], _ kind: PoolFinding.Kind? = nil) -> PendingReport {
            var draft = draft(.begun)
            draft.pool = kind.map { PoolFinding(kind: $0, lane: .medium, holders: [], held: 1, width: 1) }
            var report = PendingReport(draft, of: pool, now: draft.until, unixNanoseconds: 0, StallCapture())
            report.capture.stacks = stacks.indices.map { raw(UInt64($0)) }
            report.raw = report.capture.stacks
            report.stacks = stacks
            report.leaveOutIdle()
            return report
        }
        for kind in [nil, .takenByOthers] as [PoolFinding.Kind?] {
            let report = left([idle, idle], kind)
            #expect(report.capture.stacks.isEmpty && report.stacks == [] && report.raw.isEmpty)
            #expect(report.capture.omitted?.contains("threads that are known wait for work") == true)
            #expect(left([idle, busy], kind).capture.stacks.count == 2)
        }
        #expect(left([idle], .starved).capture.stacks.count == 1)
        #expect(left([idle], .heldThread).capture.omitted == nil)
    }
}
