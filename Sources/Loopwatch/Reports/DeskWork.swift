// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What the desk's thread does: no report waits for another target's, and none for longer than until its deadline.
struct DeskWork: ~Copyable {
    private let desk: ReportDesk
    private let queue: QueueThread<ReportDesk.Entry>
    private var names: ReportNames
    private var capturer: StackCapturer?
    private var computing = ComputingCaptures()
    private var prepared = PreparedStacks()
    private var pending: [PendingReport] = []
    private var episodes = EpisodeStacks()
    /// What threads are looked for among, by the number of the question for their names.
    private var searches: [UInt64: PendingReport] = [:]
    /// Who waits until all has been reported.
    private var flushes: [@Sendable () -> Void] = []
    /// Reports of what is over that wait for nothing but their names.
    private var endsAwaitingNames = 0
    /// Whether anything was reported since the table of modules was looked at.
    private var hasReported = false

    /// For how long a capture may be under way, in nanoseconds: nobody waits for it, and on a busy machine it may take many
    /// ticks until the thread is on a CPU at one.
    private static let captureNanosecondsMost: Int64 = 50_000_000
    /// Time between looks at captures that are under way, in nanoseconds.
    private static let pollNanoseconds: Int64 = 1_000_000
    /// The same while a report waits for one.
    private static let awaitedPollNanoseconds: Int64 = 500_000
    /// Time that names have at least, once a stack is there, in nanoseconds: those that are known take much less.
    private static let namesNanosecondsLeast: Int64 = 500_000

    /// What is said of a stack the names of which are not known yet.
    private static let namesFollow = "the names of its code are still being read; later reports have them"

    init(desk: ReportDesk, queue: QueueThread<ReportDesk.Entry>, policy: CapturePolicy) {
        self.desk = desk
        self.queue = queue
        names = ReportNames(desk.names, profile: desk.profile, queue: queue)
        guard policy.isAllowed else { return }
        var patient = policy
        patient.waitNanosecondsMost = max(policy.waitNanosecondsMost, Self.captureNanosecondsMost)
        capturer = StackCapturer(policy: patient, parallel: Limits.capturesUnderWay)
    }

    /// Works until the queue ends.
    mutating func run() {
        while let entries = queue.next(until: nextDeadline) {
            if queue.isAbandoned { continue }
            for entry in entries { take(entry) }
            advanceCaptures()
            advanceReports(isEnding: false)
            advanceFlushes()
            noteCounts()
            refreshModules()
        }
        if capturer != nil { computing.cancel(&capturer!) }
        if !queue.isAbandoned { advanceReports(isEnding: true) }
        noteCounts()
    }

    private var nextDeadline: MonotonicInstant? {
        // Nobody waits for what is not reported any more.
        if queue.isAbandoned { return nil }
        var next = pending.map(\.deadline).min()
        if !computing.isEmpty {
            let pause = pending.isEmpty ? Self.pollNanoseconds : Self.awaitedPollNanoseconds
            let poll = Clock.now().advanced(byNanoseconds: pause)
            next = next.map { min($0, poll) } ?? poll
        }
        return next
    }

    /// Learns of libraries that were loaded since, after reports and never before one that may be due soon: it may have to
    /// wait for the loader.
    private mutating func refreshModules() {
        guard hasReported, pending.isEmpty, computing.isEmpty else { return }
        hasReported = false
        capturer?.refreshModules()
    }

    private mutating func noteCounts() {
        guard capturer != nil else { return }
        capturer!.countDiscarded(.unused, prepared.takeUnused())
        if let counts = capturer?.counts { desk.captures.noteDesk(counts) }
    }

    private mutating func take(_ entry: ReportDesk.Entry) {
        switch entry {
        case .preparation(_, let watched, let capture) where capture.isOfThreadsToBeFound(watched):
            // The names by which they will be told from others.
            names.prepare(candidates(of: watched, capture.token).stacks, of: watched)
        case .preparation(let preparation, let watched, let capture):
            prepared.add(preparation, of: watched, capture)
            names.prepare(capture.stacks, of: watched)
            for thread in capture.computing { self.capture(thread, of: watched, token: capture.token, for: nil) }
        case .stall(let draft, let watched, let now, let unix, let capture):
            var report = PendingReport(draft, of: watched, now: now, unixNanoseconds: unix, capture)
            if draft.state == .begun, draft.kind == .stall || draft.kind == .hold,
                let found = prepared.take(for: draft, of: watched, token: capture.token)
            {
                report.take(found)
            }
            for thread in report.capture.computing
            where !self.capture(thread, of: watched, token: capture.token, for: draft) {
                report.capture.computing.removeAll { $0 == thread }
                report.capture.omitted = CaptureOmission.notDelivered.text
            }
            pending.append(report)
        case .interruption(let interruption, let process, let nanoseconds, let now, let unix):
            desk.reporter.interrupted(
                interruption,
                of: process,
                nanoseconds: nanoseconds,
                now: now,
                unixNanoseconds: unix
            )
        case .found(let question, let stacks):
            let search = searches.removeValue(forKey: question)
            guard let index = pending.firstIndex(where: { $0.question == question }) else {
                if let search { takeLate(search, stacks) }
                return
            }
            if pending[index].step == .searching {
                pending[index].takeCandidates(stacks)
            } else {
                pending[index].stacks = stacks
            }
            pending[index].question = nil
        case .namesPrepared(let names, let watched):
            prepared.add(names, of: watched)
            for index in pending.indices { pending[index].add(names, of: watched) }
        case .named(let draft, let target, let raw, let stacks):
            episodes.complete(draft, target, raw: raw, stacks: stacks)
        case .endNamed(let draft, let watched, let now, let unix, let found):
            endsAwaitingNames -= 1
            desk.report(draft, of: watched, found, now: now, unixNanoseconds: unix)
        case .remote(let draft, let watched, let now, let unix, let finding):
            let found = episodes.note(draft, watched.target, finding)
            desk.reportRemote(draft, of: watched, found, now: now, unixNanoseconds: unix)
        case .flush(let done): flushes.append(done)
        }
    }

    private mutating func advanceFlushes() {
        guard !flushes.isEmpty, pending.isEmpty, endsAwaitingNames == 0 else { return }
        for done in flushes { done() }
        flushes = []
    }

    // MARK: Stacks

    @discardableResult
    private mutating func capture(
        _ thread: ThreadIdentifier,
        of watched: WatchedTarget,
        token: ProgressToken?,
        for report: ReportDraft?
    ) -> Bool {
        if computing.add(thread, of: watched, token: token, for: report) { return true }
        capturer?.countOverLimit()
        return false
    }

    private mutating func advanceCaptures() {
        guard capturer != nil, !computing.isEmpty else { return }
        for (request, outcome) in computing.advance(&capturer!) {
            var isAwaited = false
            for index in pending.indices where pending[index].take(outcome, of: request) { isAwaited = true }
            if isAwaited { continue }
            switch (request.report, outcome) {
            case (let draft?, .stack(let stack)): takeLate(stack, for: draft, request.watched.target)
            case (let draft?, .omitted(let text)): episodes.excuse(draft, request.watched.target, omitted: text)
            case (let draft?, .wentOn):
                episodes.excuse(draft, request.watched.target, omitted: StackCapturer.wentOn)
            case (nil, .stack(let stack)):
                if prepared.add(stack, of: request.thread, request.watched, token: request.token) {
                    names.prepare([stack], of: request.watched)
                } else {
                    capturer!.countDiscarded(.unused)
                }
            case (nil, _): break
            }
        }
    }

    /// Takes a stack that came after its report, for the reports to come.
    private mutating func takeLate(_ stack: RawStack, for draft: ReportDraft, _ target: WatchTarget) {
        guard episodes.addLate(draft, target, raw: stack) else {
            capturer!.countDiscarded(.late)
            return
        }
        names.complete(episodes.unnamed(draft, target), for: draft, target)
    }

    // MARK: Reports

    /// Goes on with all reports; those of one target go out in their order.
    private mutating func advanceReports(isEnding: Bool) {
        var waiting: Set<ObjectIdentifier> = []
        var index = 0
        while index < pending.count {
            var report = pending[index]
            let target = ObjectIdentifier(report.watched)
            if isEnding || (!waiting.contains(target) && isReady(&report)) {
                pending.remove(at: index)
                finish(report, isEnding: isEnding)
            } else {
                pending[index] = report
                waiting.insert(target)
                index += 1
            }
        }
    }

    /// Goes on with a report; returns whether it is to go out.
    private mutating func isReady(_ report: inout PendingReport) -> Bool {
        let now = Clock.now()
        if report.step == .capturing {
            guard report.capture.computing.isEmpty || now >= report.deadline else { return false }
            report.endCapturing()
            let captured = report.capture.stacks
            let wanted = captured.isEmpty ? episodes.unnamed(report.draft, report.watched.target) : captured
            if report.beginNaming(wanted) {
                report.wait(for: names.ask(for: wanted), atLeast: Self.namesNanosecondsLeast)
            }
        }
        if report.question != nil, Clock.now() < report.deadline { return false }
        guard report.step == .naming, report.wantsSearch else { return true }
        return report.searchesAfterwards(at: Clock.now()) || !search(&report)
    }

    /// Looks for the threads that hold a pool, among those that sleep: of one that computes it is not known whether it is
    /// the pool's.
    @discardableResult
    private mutating func search(_ report: inout PendingReport) -> Bool {
        guard names.isAvailable else { return false }
        let search = candidates(of: report.watched, report.capture.token)
        guard search.token != nil, !search.stacks.isEmpty else { return false }
        report.candidates = search.stacks
        report.search(by: names.ask(for: search.stacks))
        if let question = report.question { searches[question] = report }
        return true
    }

    /// Captures the process's threads that sleep, as long as a target is at what it was at.
    private mutating func candidates(of watched: WatchedTarget, _ token: ProgressToken?) -> StallCapture {
        var search = StallCapture(token: token)
        guard capturer != nil else { return StallCapture() }
        let own = desk.threadIdentifiers + [OwnThread.currentIdentifier]
        let threads = OwnThread.identifiersInProcess(atMost: Limits.threadsSearched).filter { !own.contains($0) }
        capturer!.capture(threads, of: watched, passesOn: true, into: &search)
        return search
    }

    /// Takes what a search found after its report, for the reports to come.
    private mutating func takeLate(_ search: PendingReport, _ named: [Stack]) {
        var search = search
        search.takeCandidates(named)
        guard let stacks = search.stacks, !search.capture.stacks.isEmpty else { return }
        if !episodes.addFound(search.draft, search.watched.target, raw: search.raw, stacks: stacks) {
            capturer?.countDiscarded(.late, search.raw.count)
        }
    }

    /// Passes a report on with what is known.
    private mutating func finish(_ report: PendingReport, isEnding: Bool) {
        hasReported = true
        var report = report
        report.endNaming()
        report.leaveOutIdle()
        let (draft, watched) = (report.draft, report.watched)
        var capture = report.capture
        let stacks = report.raw.isEmpty ? [] : report.stacks
        if stacks == nil { capture.omitted = Self.namesFollow }
        let found = episodes.note(draft, watched.target, stacks: stacks ?? [], capture)
        let isUnnamed = draft.state == .ended && (stacks == nil || found.lacksLine) && !isEnding
        if isUnnamed, names.complete(found, report.raw.isEmpty ? found.raw : report.raw, forEnd: report) {
            // It is over: the report waits for the names, and no other report for it.
            endsAwaitingNames += 1
        } else {
            desk.report(draft, of: watched, found, now: report.now, unixNanoseconds: report.unixNanoseconds)
        }
        if draft.kind == .stall || draft.kind == .hold, !found.isDeferred { names.record(found, of: report) }
        if report.isAwaited, report.step == .naming, report.wantsSearch, !isEnding { search(&report) }
    }
}
