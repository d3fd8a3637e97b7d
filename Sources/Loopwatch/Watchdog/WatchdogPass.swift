// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// One round of the watchdog over its targets.
///
/// Belongs to the watchdog's thread.
struct WatchdogPass: ~Copyable {
    private let desk: ReportDesk
    private let health: WatchdogHealth
    private let own = ThreadView(OwnThread.currentIdentifier)
    /// For how long the watchdog had waited for a CPU when that was last read, about a second ago at most.
    private var runDelayBaseline: Int64?
    private var slowTargets: Set<String> = []
    private var closureNanoseconds: Int64 = 0
    private var pending: [PendingReport] = []
    private var preparations: [PendingPreparation] = []
    private var preparationBudget = CaptureBudget(perSecond: Limits.preparationsPerSecond, now: Clock.now())
    private var reportBudget = CaptureBudget(perSecond: Limits.reportCapturesPerSecond, now: Clock.now())
    private let policy: CapturePolicy
    private let captures: CaptureCounts
    private var capturer: StackCapturer?
    private var experiment: DispatchLayoutExperiment?
    private var layout: DispatchQueueLayout?
    private let registry: TargetRegistry
    private let jobs: JobPoolPass?
    /// Whether blocks were captured since ``takeHasReported()``.
    private var hasReported = false
    /// Whether the registry had no room for the main actor.
    private var isMainActorRefused = false

    /// What is reported once all targets that are due have been looked at: a capture takes longer than a look.
    private struct PendingReport {
        var draft: ReportDraft
        var watched: WatchedTarget
        var now: MonotonicInstant
    }

    /// What is prepared once all targets that are due have been looked at.
    private struct PendingPreparation {
        var preparation: Preparation
        var watched: WatchedTarget
        /// What the target is at; `nil` where beats tell.
        var token: ProgressToken?
        /// The threads, where accounting knows them.
        var threads: [ThreadIdentifier]?
    }

    /// A closure of the host that takes longer than this is told of, in nanoseconds.
    private static let closureNanosecondsMost: Int64 = 100_000_000
    /// Where only runs are accounted, what accounting and what beats find of the pool has the same name: this tells their
    /// numbers apart.
    private static let accountedEpisodes: UInt64 = 1 << 63

    /// Creates a pass.
    ///
    /// - Parameters:
    ///   - desk: takes what is to be said.
    ///   - health: takes the watchdog's measurements of itself.
    ///   - policy: what captures may do.
    ///   - captures: takes the counts of captures.
    ///   - registry: takes targets that turn up by themselves.
    ///   - jobs: accounting of Swift's pool, where that is watched.
    init(
        desk: ReportDesk,
        health: WatchdogHealth,
        policy: CapturePolicy,
        captures: CaptureCounts,
        registry: TargetRegistry,
        jobs: JobPoolPass?
    ) {
        self.registry = registry
        self.jobs = jobs
        self.desk = desk
        self.health = health
        self.policy = policy
        self.captures = captures
        runDelayBaseline = own.runDelayNanoseconds()
        guard policy.isAllowed else { return }
        // The watchdog reads threads that sleep; those that run take a tick of the clock, for which it does not wait.
        var passive = policy
        passive.isSignallingAllowed = false
        capturer = StackCapturer(policy: passive)
    }

    /// Looks at the targets that are due, or at all of them; returns when the next one is.
    ///
    /// - Parameters:
    ///   - targets: all targets.
    ///   - context: what the looks share.
    ///   - resting: a time in which no thread of the process but this one ran.
    ///   - interruptions: what to subtract.
    ///   - coalescingNanoseconds: by how much sooner than due a target is looked at.
    ///   - looksAtAll: whether to look at those that are not due as well.
    mutating func run(
        _ targets: [WatchedTarget],
        context: inout LookContext,
        resting: RestClock.Rest?,
        interruptions: InterruptionLog,
        coalescingNanoseconds: Int64,
        looksAtAll: Bool = false
    ) -> MonotonicInstant? {
        let horizon = context.now.advanced(byNanoseconds: coalescingNanoseconds)
        var next: MonotonicInstant?
        next = runJobs(targets, &context, interruptions: interruptions, horizon: horizon, looksNow: looksAtAll)
        for watched in targets {
            guard let metered = watched.metered, let planned = metered.nextLook else { continue }
            var due = planned.instant
            if looksAtAll || due <= max(horizon, context.now.advanced(byNanoseconds: planned.slackNanoseconds)) {
                var size = 1
                call(watched) { size = metered.meter.size }
                watched.size.store(size, ordering: .relaxed)
                let outcome = metered.look(&context, size: size, interruptions: interruptions)
                take(outcome, pool: watched, main: nil, now: context.now)
                guard let later = outcome.next else { continue }
                due = later
            }
            next = next.map { min($0, due) } ?? due
        }
        for watched in targets where watched.isBeaten.load(ordering: .relaxed) {
            let planned = watched.detector.withLock { detector in
                detector.nextLook(interruptions: interruptions).map { ($0, detector.lookSlackNanoseconds(before: $0)) }
            }
            guard let (earliest, slack) = planned else { continue }
            var due = earliest
            if looksAtAll || due <= max(horizon, context.now.advanced(byNanoseconds: slack)) {
                findDispatchLayout(for: watched.target, &context)
                look(at: watched, &context, resting: resting, interruptions: interruptions)
                guard let later = watched.detector.withLock({ $0.nextLook(interruptions: interruptions) }) else {
                    continue
                }
                due = later
            }
            next = next.map { min($0, due) } ?? due
        }
        if resting == nil { context.workers.refresh() }
        reportPending()
        prepare(now: context.now)
        return next
    }

    private mutating func reportPending() {
        guard !pending.isEmpty else { return }
        hasReported = true
        for report in pending {
            let capture =
                report.draft.state == .ended
                ? StallCapture() : capture(report.draft, report.watched, now: report.now)
            desk.report(report.draft, of: report.watched, now: report.now, capture: capture)
        }
        pending.removeAll(keepingCapacity: true)
        if let counts = capturer?.counts { captures.noteWatchdog(counts) }
    }

    /// Has the reports of blocks prepared that may be due before long.
    private mutating func prepare(now: MonotonicInstant) {
        guard !preparations.isEmpty else { return }
        let due = preparations
        preparations.removeAll(keepingCapacity: true)
        guard capturer != nil else { return }
        hasReported = true
        for pending in due {
            let (preparation, watched) = (pending.preparation, pending.watched)
            let threads = pending.threads.map { $0[...] } ?? threads(preparation.thread, of: watched)
            // Without a beat that is out nobody could tell that the job has not ended meanwhile. The threads that other
            // work has are looked for by the desk.
            guard !threads.isEmpty || pending.token != nil, let token = pending.token ?? watched.beatToken else {
                continue
            }
            guard preparationBudget.admit(now: now) else {
                capturer!.countOverLimit()
                continue
            }
            var capture = StallCapture(token: token)
            if !threads.isEmpty { capturer!.capture(threads, of: watched, passesOn: true, into: &capture) }
            if !policy.isSignallingAllowed { capture.computing = [] }
            if capture.token != nil { desk.prepare(preparation, of: watched, capture: capture) }
        }
        if let counts = capturer?.counts { captures.noteWatchdog(counts) }
    }

    private func threads(_ thread: ThreadIdentifier?, of watched: WatchedTarget) -> ArraySlice<ThreadIdentifier> {
        let threads = thread.map { [$0] } ?? watched.evidence.withLock { $0.poolThreads }
        return threads.prefix(Limits.poolThreadsCaptured)
    }

    /// Captures what the threads of a blocked target are at.
    private mutating func capture(
        _ draft: ReportDraft,
        _ watched: WatchedTarget,
        now: MonotonicInstant
    ) -> StallCapture {
        var capture = StallCapture(token: token(of: draft, watched) ?? watched.beatToken)
        guard capturer != nil else {
            capture.omitted = CaptureOmission.switchedOff.text
            return capture
        }
        let holders = draft.pool.map { ArraySlice($0.holders.map(\.thread)) } ?? []
        if holders.isEmpty, draft.pool?.kind == .takenByOthers {
            // The desk looks for them among the workers of Dispatch.
            return capture
        }
        guard reportBudget.admit(now: now) else {
            capturer!.count(.tooManyBlocks)
            capture.omitted = CaptureOmission.tooManyBlocks.text
            return capture
        }
        let threads = holders.isEmpty ? threads(draft.thread, of: watched) : holders
        capturer!.capture(threads, of: watched, passesOn: policy.isSignallingAllowed, into: &capture)
        if case .syscall = draft.cause, let thread = threads.first {
            capture.causeDetail = capturer!.detail(of: thread)
        }
        return capture
    }

    // MARK: Rest

    /// For how long the targets need not be looked at, in nanoseconds, as long as no thread of the process runs; `nil` where one
    /// of them is not proved to wait, or is not told by that.
    ///
    /// To be asked right after a pass. Then the watchdog goes round without looking at any: what it costs to find out that nothing
    /// ran is all that it costs, however many there are.
    func restNanoseconds(
        _ targets: [WatchedTarget],
        since: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> Int64? {
        var least = Int64.max
        if let jobs {
            guard let pause = jobs.restNanoseconds(since: since, interruptions: interruptions) else { return nil }
            least = min(least, pause)
        }
        for watched in targets {
            if let metered = watched.metered {
                let pause = metered.restNanoseconds(since: since, interruptions: interruptions)
                guard let pause else { return nil }
                least = min(least, pause)
            }
            guard watched.isBeaten.load(ordering: .relaxed) else { continue }
            guard watched.evidence.withLock({ $0.isStillFree(isResting: true) }),
                let pause = watched.detector.withLock({ $0.restNanoseconds(since: since) })
            else { return nil }
            least = min(least, pause)
        }
        return least == .max ? nil : least
    }

    /// No thread of the process has run for a while in which no target was looked at.
    func rested(_ rest: RestClock.Rest, _ targets: [WatchedTarget], interruptions: InterruptionLog) {
        jobs?.rested(rest, interruptions: interruptions)
        for watched in targets {
            watched.metered?.rested(rest, interruptions: interruptions)
            watched.rested(rest)
        }
    }

    // MARK: Swift's pool

    /// Whether priorities of the pool are to be looked for, each of which is then watched by beats.
    var watchesPriorities: Bool { jobs?.isFallenBack ?? true }

    private mutating func runJobs(
        _ targets: [WatchedTarget],
        _ context: inout LookContext,
        interruptions: InterruptionLog,
        horizon: MonotonicInstant,
        looksNow: Bool
    ) -> MonotonicInstant? {
        guard let jobs else { return nil }
        let outcome = jobs.run(&context, interruptions: interruptions, horizon: horizon, looksNow: looksNow)
        let pool = targets.first { $0.target.jobRole == .pool }
        if let pool { beat(pool, ifWanted: jobs.wantsBeats(at: context.now), context.now, interruptions) }
        var main = targets.first { $0.target.jobRole == .mainActor }
        if main == nil, !isMainActorRefused, jobs.isMainActorServed, !targets.contains(where: \.isMain) {
            switch registry.add(.accountedMainActor(), now: context.now) {
            case .success(let added): main = added
            // A loop of the host has its name, or there is no room: asked once, not at each wake-up.
            case .failure: isMainActorRefused = true
            }
        }
        if let main { beat(main, ifWanted: jobs.wantsBeatsOfMainActor, context.now, interruptions) }
        take(outcome, pool: pool, main: main, now: context.now)
        return outcome.next
    }

    private mutating func take(
        _ outcome: JobPoolPass.Outcome,
        pool: WatchedTarget?,
        main: WatchedTarget?,
        now: MonotonicInstant
    ) {
        for note in outcome.notes { desk.note(note) }
        for text in outcome.information { desk.inform(text) }
        for said in outcome.said {
            guard let watched = said.isOfMainActor ? main : pool else { continue }
            var draft = said.draft
            draft.episode |= Self.accountedEpisodes
            pending.append(PendingReport(draft: draft, watched: watched, now: now))
        }
        for preparation in outcome.preparations {
            guard let watched = preparation.lane == .main ? main : pool else { continue }
            let token =
                preparation.started.map { ProgressToken.started(preparation.lane, $0) }
                ?? preparation.holders.first.map { .job($0.identity) }
            preparations.append(
                PendingPreparation(
                    preparation: preparation.preparation,
                    watched: watched,
                    token: token,
                    threads: preparation.holders.map(\.thread)
                )
            )
        }
    }

    /// Begins or ends to beat the pool, or the main actor.
    private mutating func beat(
        _ pool: WatchedTarget,
        ifWanted isWanted: Bool,
        _ now: MonotonicInstant,
        _ interruptions: InterruptionLog
    ) {
        guard pool.isBeaten.exchange(isWanted, ordering: .relaxed) != isWanted else { return }
        if isWanted {
            pool.detector.withLock { $0.restart(at: now) }
        } else {
            perform(
                pool.detector.withLock { $0.targetGone(at: now, interruptions: interruptions) },
                on: pool,
                now: now
            )
        }
    }

    private func token(of draft: ReportDraft, _ watched: WatchedTarget) -> ProgressToken? {
        guard let pool = draft.pool else { return nil }
        // As long as none of its jobs begins, a priority waits for the same threads; where very many begin, or none waits,
        // only one job tells.
        if pool.kind == .starved || pool.kind == .takenByOthers, let started = draft.started {
            return .started(pool.lane, started)
        }
        if let holder = pool.holders.first { return .job(holder.identity) }
        return .started(pool.lane, watched.jobsStarted(pool.lane))
    }

    /// Ends what goes on in Swift's pool, and takes accounting back.
    mutating func stop(now: MonotonicInstant, interruptions: InterruptionLog) {
        for watched in registry.targets {
            guard let metered = watched.metered else { continue }
            take(metered.finish(at: now, interruptions: interruptions), pool: watched, main: nil, now: now)
        }
        defer { reportPending() }
        guard let jobs else { return }
        let outcome = jobs.stop(now: now, interruptions: interruptions)
        let targets = registry.targets
        take(
            outcome,
            pool: targets.first { $0.target.jobRole == .pool },
            main: targets.first { $0.target.jobRole == .mainActor },
            now: now
        )
    }

    private mutating func look(
        at watched: WatchedTarget,
        _ context: inout LookContext,
        resting: RestClock.Rest?,
        interruptions: InterruptionLog
    ) {
        // The common case first: a thread that waited at the last look and has not run since, as no thread has, or by its
        // own clock.
        if let resting, watched.evidence.withLock({ $0.isStillFree(isResting: true) }),
            watched.detector.withLock({ $0.stillFree(at: resting.until, since: resting.since) })
        {
            return
        }
        if watched.evidence.withLock({ $0.isStillFree() }), watched.detector.withLock({ $0.stillFree(at: context.now) })
        {
            return
        }
        let isBeatOut = watched.detector.withLock { $0.isBeatOut }
        if isBeatOut, let given = watched.cell.answer() {
            let usage = watched.evidence.withLock { evidence in
                // Before the evidence goes over to another thread, which may have answered.
                let usage = evidence.usage(&context)
                evidence.beatAnswered(given, cell: watched.cell, beat: watched.beat)
                return usage
            }
            let actions = watched.detector.withLock {
                $0.beatRan(at: given.ran, posted: given.posted, usage: usage, interruptions: interruptions)
            }
            perform(actions, on: watched, now: context.now)
            if case .dispatchQueue = watched.target.evidence { context.workers.note(given.thread) }
        }
        let (isStillOut, wantsBlockStart) = watched.detector.withLock {
            ($0.isBeatOut, $0.wantsBlockStart(at: context.now))
        }
        var depth: Int?
        let target = watched.target
        if target.depth != nil || target.size != nil {
            call(watched) {
                depth = target.depth?()
                if let size = target.size { watched.size.store(size(), ordering: .relaxed) }
            }
        }
        let look = watched.evidence.withLock {
            $0.look(&context, isBeatOut: isStillOut, wantsBlockStart: wantsBlockStart, depth: depth)
        }
        let actions = watched.detector.withLock { detector in
            look.isGone
                ? detector.targetGone(at: context.now, interruptions: interruptions)
                : detector.looked(look.observation, interruptions: interruptions)
        }
        perform(actions, on: watched, now: context.now)
        if look.isGone {
            desk.note("target '\(watched.target.name)' is gone: its thread has ended; remove() it.")
        }
    }

    /// Lets go of a target that was removed: a stall that goes on ends for its readers, and its descriptors are closed.
    mutating func retire(_ watched: WatchedTarget, now: MonotonicInstant, interruptions: InterruptionLog) {
        let actions = watched.detector.withLock { $0.targetGone(at: now, interruptions: interruptions) }
        perform(actions, on: watched, now: now)
        if let metered = watched.metered {
            take(metered.finish(at: now, interruptions: interruptions), pool: watched, main: nil, now: now)
        }
        reportPending()
        watched.evidence.withLock { $0 = EvidenceSource(.thread) }
    }

    private mutating func perform(_ actions: [StallDetector.Action], on watched: WatchedTarget, now: MonotonicInstant) {
        for action in actions {
            switch action {
            case .report(let draft):
                pending.append(PendingReport(draft: draft, watched: watched, now: now))
            case .prepare(let preparation):
                preparations.append(PendingPreparation(preparation: preparation, watched: watched))
            case .postBeat:
                watched.evidence.withLock { $0.beatWillBePosted(at: now) }
                let posted = Clock.now()
                watched.cell.willPost(at: posted)
                watched.detector.withLock { $0.beatPosted(at: posted) }
                call(watched) { watched.target.submit(watched.beat) }
            }
        }
    }

    /// Notes for how long the watchdog has waited for a CPU so far; to be called every second.
    mutating func setBaseline() { runDelayBaseline = own.runDelayNanoseconds() }

    /// Whether blocks were captured since the last call.
    mutating func takeHasReported() -> Bool {
        defer { hasReported = false }
        return hasReported
    }

    /// Time that closures of the host took since the last call, in nanoseconds.
    mutating func takeClosureNanoseconds() -> Int64 {
        defer { closureNanoseconds = 0 }
        return closureNanoseconds
    }

    /// Calls a closure of the host; one that blocks holds up every other target, which is told once.
    private mutating func call(_ watched: WatchedTarget, _ closure: () -> Void) {
        let name = watched.target.name
        let nanoseconds = health.call(name, closure)
        let isSlow = nanoseconds > Self.closureNanosecondsMost
        // A closure that was never slow before may have been stopped together with the whole process.
        if !isSlow || slowTargets.contains(name) { closureNanoseconds += nanoseconds }
        guard isSlow, slowTargets.count < Limits.loopsMaximum else { return }
        // Where the kernel may have run something else meanwhile, the closure is not to blame.
        if let before = runDelayBaseline, let after = own.runDelayNanoseconds(), (after - before) * 2 >= nanoseconds {
            return
        }
        guard slowTargets.insert(name).inserted else { return }
        desk.note(
            "a closure of target '\(name)' took \(nanoseconds / 1_000_000) ms and held up the watch: it must not block."
        )
    }

    private mutating func findDispatchLayout(for target: WatchTarget, _ context: inout LookContext) {
        guard case .dispatchQueue = target.evidence else { return }
        if layout == nil {
            if let experiment {
                layout = experiment.layout()
            } else {
                // Dispatch may start a thread for it, which the host then uses.
                OwnThread.withProfilingSignal { experiment = DispatchLayoutExperiment() }
            }
        }
        context.dispatchLayout = layout
    }
}
