// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// One loop of another process: its thread, what the kernel records of it, and what is concluded.
struct RemoteLoopWatch {
    /// What a look came to.
    struct Outcome {
        var drafts: [ReportDraft] = []
        var interruption: Interruption?
        var isGone = false
        var notes: [RemoteNote] = []
    }

    let process: Int32
    let identity: RemoteTargetIdentity
    let isForced: Bool
    let allowsTracepoints: Bool
    var detector: IterationDetector
    var interruptions = InterruptionLog()
    let view: RemoteThread
    let tellsCalls: Bool

    var edges: PerfEdges?
    /// Where the thread's wait returns to.
    var programCounter: UInt64
    var programCounterChanges = 0
    var budget: EdgeBudget
    var confirmation: WaitConfirmation?
    /// Looks in a row that found the thread away from its wait.
    var looksAway = 0
    /// Times in a row at which the wait was awaited and came at once.
    var fruitless = 0
    /// When a look is due before the detector asks for one.
    var soon: MonotonicInstant?
    private var latestSchedule: RemoteThread.Schedule?
    private var latestInstant: MonotonicInstant
    private var latestGoing: MonotonicInstant
    private var wasStopped = false
    private var missing: [WaitEdge] = []

    /// Time after which it is looked whether a wait that is awaited came at once, in nanoseconds.
    private static let soonNanoseconds: Int64 = 1_000_000
    private static let programCounterChangesMost = 8
    /// Which part of its time a thread has to compute, or be ready to, where the kernel tells no more of it.
    private static let busyShare = 0.8

    /// Begins to watch a loop.
    init(
        process: Int32,
        identity: RemoteTargetIdentity,
        options: ProcessWatch.Options,
        view: RemoteThread,
        wait: WaitCall,
        programCounter: UInt64,
        edges: PerfEdges?,
        now: MonotonicInstant
    ) {
        self.process = process
        self.identity = identity
        self.view = view
        self.programCounter = programCounter
        self.edges = edges
        isForced = options.rung != nil
        allowsTracepoints = options.allowsTracepoints
        tellsCalls = view.tellsCalls
        detector = IterationDetector(
            policy: options.policy,
            thread: view.identifier,
            wait: wait,
            rung: identity.rung,
            now: now
        )
        budget = EdgeBudget(now: now)
        latestInstant = now
        latestGoing = now
        latestSchedule = view.schedule()
        if identity.rung.grade == .exact, edges?.enable(true) != true { detector.change(to: .polling, at: now) }
        // So that the first return is known to be one from the loop's own wait.
        if let (look, _) = observe(isArmed: edges?.isEnabled ?? false) {
            _ = detector.pass(edges: [], look: look, interruptions: interruptions)
        }
    }

    /// Looks at the thread, and takes in what the kernel recorded.
    mutating func look() -> Outcome {
        var outcome = Outcome()
        soon = nil
        let (isArmed, awaited) = armedState()
        guard let (look, call) = observe(isArmed: isArmed) else {
            outcome.isGone = true
            return outcome
        }
        // Read after the thread was looked at: an entry that the look found has been recorded by now.
        let drained = edges?.drain() ?? []
        var found = missing + awaited + drained
        missing = []
        if detector.rung.grade != .exact { found.removeAll { if case .returned = $0 { true } else { false } } }
        noteStop(look, into: &outcome)
        outcome.drafts += detector.pass(edges: found, look: look, interruptions: interruptions)
        if let wait = call?.wait, look.observation.progress == .free, wait.programCounter != programCounter {
            followProgramCounter(wait.programCounter, at: look.observation.instant)
        }
        // What is missing because the breakpoints were moved says nothing of how often the loop waits.
        let isOverrun = drained.contains { if case .lost = $0 { true } else { false } }
        adapt(look, edges: found, isOverrun: isOverrun, into: &outcome)
        return outcome
    }

    /// The thread or its process is gone.
    mutating func gone(now: MonotonicInstant) -> [ReportDraft] {
        confirmation = nil
        edges = nil
        return detector.gone(at: now, interruptions: interruptions)
    }

    /// Whether the latest look found it in its wait.
    var isWaitingLately: Bool { looksAway == 0 }

    /// When it has to be looked at next.
    var nextLook: MonotonicInstant? {
        guard let next = detector.nextLook(interruptions: interruptions) else { return nil }
        return soon.map { min($0, next) } ?? next
    }

    // MARK: Seeing

    /// Whether the next wait is awaited by now, and the wait that was awaited by ptrace, if it came.
    private mutating func armedState() -> (isArmed: Bool, entered: [WaitEdge]) {
        guard let confirmation else { return (edges?.isEnabled ?? false, []) }
        switch confirmation.state {
        case .starting: return (false, [])
        case .armed(let since): return (since <= Clock.now(), [])
        case .entered(let instant):
            self.confirmation = nil
            looksAway = 0
            return (true, [.entered(detector.wait, at: instant)])
        case .ended(let isRefused):
            self.confirmation = nil
            looksAway = 0
            if isRefused { detector.change(to: .polling, at: Clock.now()) }
            return (false, [])
        }
    }

    private mutating func observe(isArmed: Bool) -> (LoopLook, RemoteCall?)? {
        // Before anything is read: what is recorded from now on is newer than the look.
        let instant = Clock.now()
        let call = view.call()
        guard let schedule = view.schedule() else { return nil }
        let before = latestSchedule ?? schedule
        let elapsed = max(1, instant.nanoseconds(since: latestInstant))
        latestSchedule = schedule
        latestInstant = instant
        var observation = Observation(instant: instant, progress: .busy, thread: view.identifier)
        observation.computedNanoseconds = max(0, schedule.computedNanoseconds - before.computedNanoseconds)
        observation.delayedNanoseconds = max(0, schedule.delayedNanoseconds - before.delayedNanoseconds)
        observation.runs = max(0, schedule.runs - before.runs)
        if let call {
            if call.wait?.call == detector.wait {
                observation.progress = .free
            } else {
                observation.call = call.call.blockingCall
                observation.isReady = call.call == .running
            }
        } else {
            guard !tellsCalls || view.state() != nil else { return nil }
            let active = (observation.computedNanoseconds ?? 0) + (observation.delayedNanoseconds ?? 0)
            observation.progress = Double(active) < Self.busyShare * Double(elapsed) ? .free : .busy
        }
        var isStopped = false
        if observation.progress != .free, let state = view.state() {
            if state == "Z" || state == "X" { return nil }
            isStopped = state == "T" || state == "t"
            if isStopped { observation.isReady = false }
        }
        return (LoopLook(observation: observation, isStopped: isStopped, isArmed: isArmed), call)
    }

    /// A stopped process is not at fault: the time from the last look that found it going to the first that does again.
    private mutating func noteStop(_ look: LoopLook, into outcome: inout Outcome) {
        defer {
            wasStopped = look.isStopped
            if !look.isStopped { latestGoing = look.observation.instant }
        }
        guard wasStopped, !look.isStopped else { return }
        let interruption = Interruption(from: latestGoing, to: look.observation.instant, kind: .suspended)
        interruptions.append(interruption)
        outcome.interruption = interruption
    }

    // MARK: Means

    /// The loop waits at another place of its program now, as the C library has several.
    private mutating func followProgramCounter(_ place: UInt64, at instant: MonotonicInstant) {
        programCounter = place
        guard case .breakpoints? = edges?.means else { return }
        programCounterChanges += 1
        let wasEnabled = edges?.isEnabled ?? false
        // First given back: a thread has four breakpoints.
        edges = nil
        missing.append(.lost(at: instant))
        if programCounterChanges <= Self.programCounterChangesMost {
            edges = try? PerfEdges(thread: view.identifier, means: .breakpoints(programCounter: place))
        }
        if edges == nil || wasEnabled && edges?.enable(true) != true {
            edges = nil
            detector.change(to: WaitConfirmation.isAllowed ? .confirmedPolling : .polling, at: instant)
        }
    }

    private mutating func adapt(
        _ look: LoopLook,
        edges found: [WaitEdge],
        isOverrun: Bool,
        into outcome: inout Outcome
    ) {
        let isFree = look.observation.progress == .free
        looksAway = isFree || look.isStopped ? 0 : looksAway + 1
        switch detector.rung {
        case .executionBreakpoints: adaptBreakpoints(look, edges: found, isOverrun: isOverrun, into: &outcome)
        case .armedBreakpoints: adaptArming(look, edges: found, into: &outcome)
        case .confirmedPolling: confirm(look)
        case .tracepoints, .polling: break
        }
    }

    private mutating func adaptBreakpoints(
        _ look: LoopLook,
        edges found: [WaitEdge],
        isOverrun: Bool,
        into outcome: inout Outcome
    ) {
        let iterations = found.count / 2 + (isOverrun ? EdgeBudget.iterationsSavedMost : 0)
        guard !isForced, budget.isExceeded(byIterations: iterations, at: look.observation.instant) else { return }
        let now = Clock.now()
        if allowsTracepoints, let means = Tracepoints.means(call: SystemCall.name(of: detector.wait.number)),
            let tracepoints = try? PerfEdges(thread: view.identifier, means: means), tracepoints.enable(true)
        {
            edges = tracepoints
            detector.change(to: .tracepoints, at: now)
            return
        }
        _ = edges?.enable(false)
        detector.change(to: .armedBreakpoints, at: now)
        outcome.notes.append(.busyLoop(name: identity.name, allowsTracepoints: allowsTracepoints))
    }

    /// Awaits the next wait once the thread stays away, and no longer than until it comes.
    private mutating func adaptArming(_ look: LoopLook, edges found: [WaitEdge], into outcome: inout Outcome) {
        guard let edges else { return }
        let now = Clock.now()
        let isHit = found.contains { if case .entered(let call, _) = $0 { call == detector.wait } else { false } }
        if edges.isEnabled, isHit || look.observation.progress == .free {
            _ = edges.enable(false)
            fruitless = detector.isBlocked ? 0 : fruitless + 1
            looksAway = 0
        } else if !edges.isEnabled, !look.isStopped, looksAway >= (fruitless < 8 ? 2 : 4) {
            guard edges.enable(true) else { return }
            soon = now.advanced(byNanoseconds: Self.soonNanoseconds)
            // From here on every entry is recorded: what this look finds is proved from now on.
            if let (again, _) = observe(isArmed: true) {
                outcome.drafts += detector.pass(edges: [], look: again, interruptions: interruptions)
            }
        }
        if look.isArmed, !isHit { fruitless = 0 }
        if !isForced, !edges.isEnabled, budget.mayTryAgain(runs: look.observation.runs ?? 0, at: now),
            edges.enable(true)
        {
            _ = edges.drain()
            detector.change(to: .executionBreakpoints, at: now)
        }
    }

    private mutating func confirm(_ look: LoopLook) {
        // A thread that sleeps is not stopped, and need not be: that it sleeps on in one call is proof enough.
        guard confirmation == nil, looksAway >= 2, !look.isStopped, look.observation.isReady else { return }
        confirmation = try? WaitConfirmation(thread: view, wait: detector.wait)
        if confirmation != nil { soon = Clock.now().advanced(byNanoseconds: Self.soonNanoseconds) }
    }
}
