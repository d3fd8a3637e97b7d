// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A report that waits for stacks and for names, but not for longer than until its deadline.
struct PendingReport {
    /// How far it has come.
    enum Step {
        /// Threads that compute are being captured: those in `capture.computing`.
        case capturing
        /// Names are looked for.
        case naming
        /// Names are looked for by which the threads that hold a pool are told from others.
        case searching
    }

    let draft: ReportDraft
    let watched: WatchedTarget
    let now: MonotonicInstant
    let unixNanoseconds: Int64
    /// Whether it is the first report of a stall, which people wait for: what is found after it is for the reports to come.
    let isAwaited: Bool
    /// What was captured so far.
    var capture: StallCapture
    /// When it goes out with what is known by then.
    var deadline: MonotonicInstant
    var step = Step.capturing
    /// Number of the question for names.
    var question: UInt64?
    /// The stacks that names are looked for.
    var raw: [RawStack] = []
    /// The same with names, once they are known.
    var stacks: [Stack]?
    /// Stacks among which the threads are looked for that hold a pool.
    var candidates: [RawStack] = []
    /// A stack of the same job that was captured a little earlier, for want of a better one.
    var earlier: RawStack?
    /// Names that were found before.
    private(set) var names = PreparedNames()

    /// For how long after the threshold the first report of a stall waits, in nanoseconds.
    ///
    /// It is to be there within 3 ms, of which names of a stack that came last have 0.5 ms, and deciding and writing take some
    /// 0.3 ms. Where the watchdog got its CPU late, it has waited already.
    private static let begunNanoseconds: Int64 = 2_000_000
    /// The same for other reports, which are not awaited as much.
    private static let laterNanoseconds: Int64 = 30_000_000

    /// Begins to wait.
    init(
        _ draft: ReportDraft,
        of watched: WatchedTarget,
        now: MonotonicInstant,
        unixNanoseconds: Int64,
        _ capture: StallCapture
    ) {
        self.draft = draft
        self.watched = watched
        self.now = now
        self.unixNanoseconds = unixNanoseconds
        self.capture = capture
        isAwaited = draft.state == .begun && (draft.kind == .stall || draft.kind == .hold)
        let threshold = watched.detector.withLock { $0.policy.thresholdNanoseconds }
        let waited = min(max(0, draft.durationNanoseconds - threshold), Self.begunNanoseconds)
        deadline = now.advanced(byNanoseconds: isAwaited ? Self.begunNanoseconds - waited : Self.laterNanoseconds)
    }

    /// Takes what was prepared for it: of threads that compute, their stacks of a moment ago.
    mutating func take(_ prepared: PreparedStacks.Prepared) {
        names = prepared.names
        if capture.computing.count == 1, prepared.computing.isEmpty { earlier = prepared.asleep.first }
        capture.computing.removeAll { thread in
            guard let stack = prepared.computing[thread] else { return false }
            capture.stacks.append(stack)
            return true
        }
    }

    /// Takes what came of a capture, if it waits for that.
    ///
    /// - Returns: whether it does.
    mutating func take(_ outcome: ComputingCaptures.Outcome, of request: ComputingCaptures.Request) -> Bool {
        guard request.watched === watched, request.token == capture.token,
            let index = capture.computing.firstIndex(of: request.thread)
        else { return false }
        capture.computing.remove(at: index)
        switch outcome {
        case .stack(let stack): capture.stacks.append(stack)
        case .omitted(let text): capture.omitted = text
        case .wentOn: capture = StallCapture(omitted: StackCapturer.wentOn)
        }
        return true
    }

    /// Takes names that were asked for when it was prepared.
    mutating func add(_ names: PreparedNames, of watched: WatchedTarget) {
        if draft.state == .begun, watched === self.watched { self.names.merge(names) }
    }

    /// Begins with the names of its stacks; returns whether they have to be asked for.
    mutating func beginNaming(_ raw: [RawStack]) -> Bool {
        self.raw = raw
        step = .naming
        guard !raw.isEmpty else { return false }
        stacks = names.completeStacks(raw)
        return stacks == nil
    }

    /// Waits for the answer to a question for names, if there is one, for this time at least, in nanoseconds.
    mutating func wait(for question: UInt64?, atLeast nanoseconds: Int64) {
        guard let question else { return }
        self.question = question
        deadline = max(deadline, Clock.now().advanced(byNanoseconds: nanoseconds))
    }

    /// Waits for names by which threads are found that hold a pool.
    mutating func search(by question: UInt64?) {
        step = .searching
        wait(for: question, atLeast: isAwaited ? 0 : Self.laterNanoseconds)
    }

    /// Whether a search would come too late for it, and is for the reports to come.
    func searchesAfterwards(at now: MonotonicInstant) -> Bool { isAwaited && now >= deadline }

    /// Goes on without the names that are still being read.
    mutating func endNaming() {
        if stacks == nil { stacks = names.stacks(raw) }
    }

    /// Leaves out the stacks of threads that are in no code of the host, if one that computes is still being captured, which
    /// is to blame then, or if they may be a pool's workers that wait for work.
    mutating func leaveOutIdle() {
        guard !capture.stacks.isEmpty, let stacks, stacks.allSatisfy({ $0.blamedIndex == nil }) else { return }
        let isAwaited = !capture.computing.isEmpty
        guard isAwaited || Blame(draft, watched.target).stacks(stacks).isEmpty else { return }
        capture.stacks = []
        raw = []
        self.stacks = []
        capture.omitted = isAwaited ? Self.stackFollows : Blame.onlyIdle
    }

    /// Goes on without the captures that are still under way.
    mutating func endCapturing() {
        if capture.stacks.isEmpty, let earlier { capture.stacks = [earlier] }
        if !capture.computing.isEmpty, capture.stacks.isEmpty { capture.omitted = Self.stackFollows }
    }

    /// Whether the threads that hold a pool on Dispatch's workers have to be looked for: those that are known are in no code
    /// of the host, and a thread that is held may never have answered a beat.
    var wantsSearch: Bool {
        guard draft.state != .ended, watched.target.isOnDispatchWorkers, capture.token != nil else { return false }
        // Accounting knows the threads, unless work that it does not see has them.
        if let pool = draft.pool, pool.kind != .takenByOthers { return false }
        return capture.stacks.isEmpty || !(stacks ?? []).contains(where: Self.isHeld)
    }

    /// Takes the names of the candidates: those that hold the pool are what it is blocked by.
    mutating func takeCandidates(_ named: [Stack]) {
        let held = zip(candidates, named).filter { Self.isHeld($0.1) }.prefix(Limits.poolThreadsCaptured)
        guard !held.isEmpty else { return }
        capture.stacks = held.map(\.0)
        raw = capture.stacks
        stacks = held.map(\.1)
        capture.omitted = nil
    }

    private static func isHeld(_ stack: Stack) -> Bool {
        stack.frames.contains { $0.origin == .host } && stack.frames.contains { $0.origin == .dispatch }
    }

    /// What is said of a stack that is not there yet.
    private static let stackFollows = "the thread computes, and its stack is still being taken; later reports have it"
}
