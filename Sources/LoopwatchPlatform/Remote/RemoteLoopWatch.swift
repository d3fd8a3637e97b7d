// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// One loop of another process: its thread, what the kernel records of it, and what is concluded.
final class RemoteLoopWatch {
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
    /// Where stops of its thread are counted.
    let stops: ThreadStops
    private let throttling: RemoteThrottling
    /// The reading at the latest look.
    private var throttledNanoseconds: Int64?
    /// Looks in a row that found the thread away from its wait.
    var looksAway = 0
    /// Times in a row at which the wait was awaited and came at once.
    var fruitless = 0
    /// When it was seen last whether it has left its wait.
    private var glanced: MonotonicInstant?
    /// What was recorded up to then, for the next look.
    private var seen: [WaitEdge] = []
    /// When a look is due before the detector asks for one.
    var soon: MonotonicInstant?
    private var latestSchedule: RemoteThread.Schedule?
    private var latestInstant: MonotonicInstant
    private var latestGoing: MonotonicInstant
    private var wasStopped = false
    /// Whether the latest look told whether the process is stopped.
    private var isStateKnown = false
    /// When it is looked next whether the process is stopped, while it waits.
    private var nextStopCheck: MonotonicInstant
    /// What is to be told with the edges of the next look.
    var missing: [WaitEdge] = []

    /// What is known of the thread where the kernel does not tell what it sleeps in.
    private var stretch = BusyStretch()
    /// Time between looks whether a process is stopped of which the loop waits, in nanoseconds.
    private static let stopCheckNanoseconds: Int64 = 100_000_000

    /// Begins to watch a loop.
    init(
        process: Int32,
        identity: RemoteTargetIdentity,
        options: ProcessWatch.Options,
        view: RemoteThread,
        wait: WaitCall,
        programCounter: UInt64,
        edges: PerfEdges?,
        stops: ThreadStops,
        throttling: RemoteThrottling,
        now: MonotonicInstant
    ) {
        self.process = process
        self.identity = identity
        self.view = view
        self.programCounter = programCounter
        self.edges = edges
        self.stops = stops
        self.throttling = throttling
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
        nextStopCheck = now
        latestSchedule = view.schedule()
        if identity.rung.grade == .exact, edges?.enable(true) != true { detector.change(to: .polling, at: now) }
        // So that the first return is known to be one from the loop's own wait.
        if let (look, _) = observe(isArmed: edges?.isEnabled ?? false) {
            _ = detector.pass(edges: [], look: look, interruptions: interruptions)
        }
    }

    /// Looks at the thread, and takes in what the kernel recorded.
    func look() -> Outcome {
        var outcome = Outcome()
        soon = nil
        let (isArmed, awaited) = armedState()
        guard let (look, call) = observe(isArmed: isArmed) else {
            outcome.isGone = true
            return outcome
        }
        // Read after the thread was looked at: an entry that the look found has been recorded by now.
        var drained = seen
        seen = []
        if let edges { drained += edges.drain() }
        var found = missing
        found += awaited
        found += drained
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
    func gone(now: MonotonicInstant) -> [ReportDraft] {
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

    /// When to see whether it has left its wait; `nil` if that is not wanted, or was seen.
    var nextGlance: MonotonicInstant? {
        guard let next = detector.nextGlance, glanced.map({ $0 < next }) ?? true else { return nil }
        return next
    }

    /// Sees whether it has left its wait since the latest look; then it is looked at now.
    func glance(now: MonotonicInstant) {
        glanced = now
        seen += edges?.drain() ?? []
        if case .returned? = seen.last { soon = now }
    }

    // MARK: Seeing

    /// Whether the next wait is awaited by now, and the wait that was awaited by ptrace, if it came.
    private func armedState() -> (isArmed: Bool, entered: [WaitEdge]) {
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

    /// Looks at the thread; `nil` if it is gone.
    func observe(isArmed: Bool) -> (LoopLook, RemoteCall?)? {
        // Before anything is read: what is recorded from now on is newer than the look.
        let instant = Clock.now()
        let call = view.call()
        let readBy = Clock.now()
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
            guard let state = view.state() else { return nil }
            let active = (observation.computedNanoseconds ?? 0) + (observation.delayedNanoseconds ?? 0)
            let isBusy = stretch.isBusy(elapsed: elapsed, active: active, isAsleep: state == "S" || state == "I")
            observation.progress = isBusy ? .busy : .free
        }
        // What a look tells of is the time since the one before: for as long as one of the two is within a block.
        let isAway = observation.progress != .free || looksAway > 0
        let throttled = throttling.nanoseconds(at: instant, isAway: isAway)
        if let throttled { observation.throttledNanoseconds = max(0, throttled - (throttledNanoseconds ?? throttled)) }
        throttledNanoseconds = throttled
        var isStopped = false
        // In its wait as well it may be stopped, which blames nothing, but is counted.
        isStateKnown = observation.progress != .free || wasStopped || instant >= nextStopCheck
        if isStateKnown, let state = view.state() {
            nextStopCheck = instant.advanced(byNanoseconds: Self.stopCheckNanoseconds)
            if state == "Z" || state == "X" { return nil }
            // A thread that this watch itself holds at one of its calls goes on at once.
            isStopped = state == "T" || state == "t" && confirmation == nil
            if isStopped { observation.isReady = false }
        }
        return (LoopLook(observation: observation, readBy: readBy, isStopped: isStopped, isArmed: isArmed), call)
    }

    /// A stopped process is not at fault: the time from the last look that found it going to the first that does again.
    private func noteStop(_ look: LoopLook, into outcome: inout Outcome) {
        defer {
            wasStopped = look.isStopped
            if isStateKnown, !look.isStopped { latestGoing = look.observation.instant }
        }
        guard wasStopped, !look.isStopped else { return }
        let interruption = Interruption(from: latestGoing, to: look.observation.instant, kind: .suspended)
        interruptions.append(interruption)
        outcome.interruption = interruption
    }
}
