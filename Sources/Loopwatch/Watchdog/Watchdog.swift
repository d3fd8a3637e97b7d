// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The watchdog: one thread that sleeps until the next deadline, looks at the targets that are due, and does what their
/// detectors say.
final class Watchdog: Sendable {
    private let registry: TargetRegistry
    private let desk: ReportDesk
    private let health: WatchdogHealth
    private let policy: CapturePolicy
    private let captures: CaptureCounts
    private let wake: WakeSignal
    private let detection: DetectionPolicy
    private let ownThreads: @Sendable () -> [ThreadIdentifier]
    private let jobs: (pool: JobPool, configuration: WatchConfiguration)?
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnThread?>(nil)
    private let flushes = Mutex<[@Sendable () -> Void]>([])
    private let priorityUsed = Mutex<(@Sendable (ExecutorPriority) -> Void)?>(nil)

    /// Deadlines that lie closer together than this are served by one wake-up, in nanoseconds.
    private static let coalescingNanoseconds: Int64 = 500_000
    /// Lateness of the watchdog below this is not an interruption of the host, in nanoseconds.
    private static let interruptionNanosecondsMinimum: Int64 = 10_000_000
    /// A round that took no longer than this is taken to have been the watchdog's own work, in nanoseconds.
    private static let ownNanosecondsTrusted: Int64 = 1_000_000
    /// Time between readings of how long the watchdog waited for a CPU, the machine slept and a hypervisor took away, in
    /// nanoseconds: what that is between two of them when all is well is far below an interruption.
    private static let baselineNanoseconds: Int64 = 1_000_000_000
    /// The same while nothing runs, and the watchdog hardly either.
    private static let restBaselineNanoseconds: Int64 = 4_000_000_000
    /// By how much longer than targets may rest the watchdog sleeps meanwhile, in nanoseconds.
    ///
    /// That is half of a tick of the kernel, which is for how long a thread that ran at the last reading may have done so
    /// unnoticed: only of one that then slept, and is blocked, the report is later by as much.
    private static let restSlackNanoseconds: Int64 = 2_000_000
    /// A machine that slept for less than this was not suspended: the two clocks are read a moment apart.
    private static let machineSleepNanosecondsMinimum: Int64 = 100_000_000

    /// Creates a watchdog that does not run yet.
    ///
    /// - Parameters:
    ///   - registry: the targets.
    ///   - desk: takes what is to be said.
    ///   - health: takes the watchdog's measurements of itself.
    ///   - policy: what captures may do.
    ///   - captures: takes the counts of captures.
    ///   - wake: wakes the watchdog before its time, after a change of the registry.
    ///   - detection: how targets are watched that have nothing of their own.
    ///   - jobs: Swift's pool, where it is watched.
    ///   - ownThreads: Loopwatch's other threads, whose CPU time is not the host's.
    init(
        registry: TargetRegistry,
        desk: ReportDesk,
        health: WatchdogHealth,
        policy: CapturePolicy,
        captures: CaptureCounts,
        wake: WakeSignal,
        detection: DetectionPolicy,
        jobs: (pool: JobPool, configuration: WatchConfiguration)?,
        ownThreads: @escaping @Sendable () -> [ThreadIdentifier]
    ) {
        self.registry = registry
        self.desk = desk
        self.health = health
        self.policy = policy
        self.captures = captures
        self.wake = wake
        self.detection = detection
        self.jobs = jobs
        self.ownThreads = ownThreads
    }

    /// Starts the thread.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        let started = try OwnThread(name: "lw-watchdog") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Calls a closure, on the watchdog's thread, for each priority of the global executor once the process uses it.
    func watchPrioritiesInUse(_ used: @escaping @Sendable (ExecutorPriority) -> Void) {
        priorityUsed.withLock { $0 = used }
    }

    /// Looks at everything now, and calls back, on another thread, once all that came of it has been reported.
    ///
    /// Safe from any thread. Once the watchdog has ended it does not call any more.
    func flush(_ done: @escaping @Sendable () -> Void) {
        flushes.withLock { $0.append(done) }
        wake.wake()
    }

    /// Ends the thread and waits for it.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
        if let thread = thread.withLock({ $0.take() }) {
            // A closure of the host may stop the watch from the watchdog's own thread, which cannot wait for itself.
            if thread.isCurrent {
                thread.detach()
            } else {
                thread.join()
                // A host may keep the watch: what it holds open is given back now.
                wake.close()
                for watched in registry.takeRemoved() + registry.targets {
                    watched.evidence.withLock { $0 = EvidenceSource(.thread) }
                }
            }
        }
        priorityUsed.withLock { $0 = nil }
    }

    private func run() {
        var pass = WatchdogPass(
            desk: desk,
            health: health,
            policy: policy,
            captures: captures,
            registry: registry,
            jobs: jobs.map { JobPoolPass($0.pool, $0.configuration, now: Clock.now()) }
        )
        let workers = DispatchWorkers()
        var rest = RestClock()
        var targetCount = 0
        var priorities = ExecutorPriorities()
        health.runs(on: OwnThread.currentIdentifier)
        let own = ThreadView(OwnThread.currentIdentifier)
        var runDelay = own.runDelayNanoseconds()
        var baselines = Clock.now()
        var stolen = StolenTime.now()
        var throttling = ThrottlingClock()
        var pace = LookPace()
        var turns = PromptTurns()
        var prompt = PromptPolicy()
        var cpuAtBaselines = own.cpuNanoseconds() ?? 0
        health.looks(every: detection.lookNanoseconds(stretchedBy: pace.stretch))
        var machineSleep = Clock.machineSleepNanoseconds()
        var planned: MonotonicInstant? = Clock.now()
        var activity = ActivityAlarmPolicy(detection)
        let alarm = activityAlarm()
        // Not before this did the watchdog have time again: until then it was at its own work, or in the host's closures.
        var occupiedUntil = Clock.now()
        // For how long targets may rest as long as nothing runs; `nil` where they have to be looked at.
        var restNanoseconds: Int64?
        while !isStopping.load(ordering: .acquiring) {
            let wakening = wake.wait(until: planned, alarm: alarm)
            let now = Clock.now()
            let late = planned.map { now.nanoseconds(since: $0) }
            let isTimed = wakening.isDeadline || (late ?? -1) > 0
            health.woke(
                at: now,
                lateNanoseconds: isTimed ? late : nil,
                resolutionNanoseconds: detection.resolutionNanoseconds
            )
            let minimum = max(detection.resolutionNanoseconds, Self.interruptionNanosecondsMinimum)
            if let planned = planned.map({ max($0, occupiedUntil) }), now.nanoseconds(since: planned) >= minimum {
                let late = now.nanoseconds(since: planned)
                let delay = own.runDelayNanoseconds()
                let waited = delay.flatMap { after in runDelay.map { after - $0 } }
                let kind = Interruption.kind(
                    lateNanoseconds: late,
                    runDelayNanoseconds: waited,
                    stolenNanoseconds: stolen.flatMap { before in
                        StolenTime.now().map { $0.nanoseconds(since: before) }
                    } ?? 0
                )
                let isThrottled = kind == .starved && (throttling?.nanosecondsSinceBaseline() ?? 0) * 2 >= late
                let interruption = Interruption(from: planned, to: now, kind: kind, isThrottled: isThrottled)
                interrupted(interruption, nanoseconds: late, now: now)
                restNanoseconds = nil
            }
            if let pause = restNanoseconds, wakening.isDeadline,
                now.nanoseconds(since: baselines) < Self.restBaselineNanoseconds, let resting = rest.confirm(at: now)
            {
                let next = resting.until.advanced(byNanoseconds: pause + Self.restSlackNanoseconds)
                planned = next
                occupiedUntil = now
                setAlarm(alarm, &activity, until: next, now: now, hasGoneOff: false, isResting: true)
                health.rests(resting, until: next)
                continue
            }
            let cpu = Clock.ownCPUNanoseconds() ?? 0
            let resting = rest.read(ownNanoseconds: cpu, targets: targetCount, at: now)
            var context = LookContext(now: now, workers: workers, throttling: throttling, ownThreads: ownThreads)
            // Before anything of the same name is looked at.
            for watched in registry.takeRemoved() {
                pass.retire(watched, now: now, interruptions: health.interruptions)
            }
            let flushes = flushes.withLock { flushes in
                defer { flushes = [] }
                return flushes
            }
            let targets = registry.targets
            targetCount = targets.count
            if let rested = health.rest {
                pass.rested(rested, targets, interruptions: health.interruptions)
                health.restEnds()
            }
            planned = pass.run(
                targets,
                context: &context,
                resting: resting,
                interruptions: health.interruptions,
                coalescingNanoseconds: Self.coalescingNanoseconds,
                looksAtAll: !flushes.isEmpty || wakening.isOfAlarm
            )
            restNanoseconds = resting.flatMap {
                pass.restNanoseconds(targets, since: $0.since, interruptions: health.interruptions)
            }
            for done in flushes { desk.flush(done) }
            // What took no time was not computed for longer either.
            var computed = Clock.now().nanoseconds(since: now)
            if computed > Self.ownNanosecondsTrusted { computed = max(0, (Clock.ownCPUNanoseconds() ?? cpu) - cpu) }
            occupiedUntil = now.advanced(byNanoseconds: pass.takeClosureNanoseconds() + computed)
            if pass.watchesPriorities, let used = priorityUsed.withLock({ $0 }) {
                priorities.newlyUsed(now: now).forEach(used)
            }
            if now.nanoseconds(since: baselines) >= Self.baselineNanoseconds {
                let used = own.cpuNanoseconds() ?? cpuAtBaselines
                prompt.take(
                    cpuNanoseconds: used - cpuAtBaselines,
                    elapsedNanoseconds: now.nanoseconds(since: baselines)
                )
                turns.hold(prompt.isPrompt)
                pace.take(
                    cpuNanoseconds: used - cpuAtBaselines,
                    elapsedNanoseconds: now.nanoseconds(since: baselines),
                    hasReported: pass.takeHasReported()
                )
                cpuAtBaselines = used
                baselines = now
                setPace(pace)
                runDelay = own.runDelayNanoseconds()
                pass.setBaseline()
                stolen = StolenTime.now()
                throttling?.setBaseline()
                countMachineSleep(since: &machineSleep, now: now)
            }
            setAlarm(
                alarm,
                &activity,
                until: planned,
                now: now,
                hasGoneOff: wakening.isOfAlarm,
                isResting: resting != nil
            )
            health.sleeps(until: planned)
        }
        pass.stop(now: Clock.now(), interruptions: health.interruptions)
    }

    private func activityAlarm() -> ActivityAlarm? {
        do {
            return try ActivityAlarm()
        } catch {
            desk.note("\(error): blocks that begin right after a look may be told some milliseconds later.")
            return nil
        }
    }

    private func setAlarm(
        _ alarm: ActivityAlarm?,
        _ activity: inout ActivityAlarmPolicy,
        until next: MonotonicInstant?,
        now: MonotonicInstant,
        hasGoneOff: Bool,
        isResting: Bool
    ) {
        let pause = next.map { $0.nanoseconds(since: now) }
        switch activity.decide(forPause: pause, hasGoneOff: hasGoneOff, isResting: isResting) {
        case .set: alarm?.set(afterCPUNanoseconds: activity.cpuNanoseconds)
        case .keep: break
        case .unset: alarm?.unset()
        }
    }

    private func setPace(_ pace: LookPace) {
        health.looks(every: detection.lookNanoseconds(stretchedBy: pace.stretch))
        // Whoever wants a resolution for one target gets it.
        for watched in registry.targets where watched.target.resolution == nil {
            watched.detector.withLock { $0.stretch = pace.stretch }
        }
    }

    private func countMachineSleep(since before: inout Int64, now: MonotonicInstant) {
        let slept = Clock.machineSleepNanoseconds()
        if slept - before >= Self.machineSleepNanosecondsMinimum {
            // The monotonic clock stood still meanwhile: there is nothing to subtract, only something to count.
            interrupted(Interruption(from: now, to: now, kind: .suspended), nanoseconds: slept - before, now: now)
        }
        before = slept
    }

    private func interrupted(_ interruption: Interruption, nanoseconds: Int64, now: MonotonicInstant) {
        health.interrupted(interruption, nanoseconds: nanoseconds)
        desk.interrupted(interruption, nanoseconds: nanoseconds, now: now)
    }
}
