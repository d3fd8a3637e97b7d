// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// The watchdog's part in accounting: installs it step by step, looks at the accounted pool when that is due, and falls back
/// on beats where it has to.
///
/// Belongs to the watchdog's thread.
final class JobPoolPass {
    /// What a look came to.
    struct Outcome {
        /// What is to be reported.
        var said: [JobPoolDetector.Said] = []
        /// What is to be prepared.
        var preparations: [JobPreparation] = []
        /// What is to be noted in the log.
        var notes: [String] = []
        /// What is to be noted where somebody reads it, but is as was asked for.
        var information: [String] = []
        /// When the next look is due.
        var next: MonotonicInstant?
    }

    private let pool: JobPool
    private let policy: DetectionPolicy
    /// The best that the configuration wants.
    private let best: PoolAccounting
    /// `nil` where accounting is switched off: this watch then asks nothing of it.
    private let lease: JobAccounting.Lease?
    private var reader: JobReader?
    private var evidence = JobEvidence()
    private var settling: MonotonicInstant?
    private var started: MonotonicInstant
    private var lastCheck: MonotonicInstant
    /// Whether it is being found out if a hook that has come since runs jobs past accounting.
    private var isHookOnTrial = false
    private var nextLook: MonotonicInstant?
    private var slackNanoseconds: Int64 = 0

    /// Time between steps of the installation, in nanoseconds.
    private static let stepNanoseconds: Int64 = 1_000_000
    /// For how long the installation is awaited before beats are posted meanwhile, in nanoseconds.
    private static let patienceNanoseconds: Int64 = 50_000_000
    /// The same between steps while it waits for a pool that is blocked.
    private static let lateStepNanoseconds: Int64 = 20_000_000
    /// Time between checks of what was installed, in nanoseconds.
    private static let checkNanoseconds: Int64 = 1_000_000_000

    init(
        pool: JobPool,
        policy: DetectionPolicy,
        best: PoolAccounting,
        lease: JobAccounting.Lease?,
        now: MonotonicInstant
    ) {
        self.best = best
        self.pool = pool
        self.policy = policy
        self.lease = lease
        started = now
        lastCheck = now
        settling = now
    }

    /// Joins accounting, as far as the configuration wants it.
    convenience init(_ pool: JobPool, _ configuration: WatchConfiguration, now: MonotonicInstant) {
        let policy = DetectionPolicy(
            resolutionNanoseconds: configuration.resolution.wholeNanoseconds,
            thresholds: configuration.thresholds,
            isPool: true
        )
        let lease =
            configuration.poolAccounting == .off
            ? nil
            : JobAccounting.join(
                longNanoseconds: policy.thresholdNanoseconds,
                best: configuration.poolAccounting
            )
        self.init(pool: pool, policy: policy, best: configuration.poolAccounting, lease: lease, now: now)
    }

    /// Whether beats are to be posted as well: accounting does not tell of every job, or not yet.
    func wantsBeats(at now: MonotonicInstant) -> Bool {
        let status = pool.status
        if status.isSettled { return status.mode != .exact }
        return now.nanoseconds(since: started) >= Self.patienceNanoseconds
    }

    /// Whether beats are to be posted to the main actor, because accounting does not tell of it any more.
    var wantsBeatsOfMainActor: Bool {
        let status = pool.status
        return status.isSettled && status.mode != .exact && status.mode != .runs
    }

    /// Does what is due, and looks in any case if asked to.
    func run(
        _ context: inout LookContext,
        interruptions: InterruptionLog,
        horizon: MonotonicInstant,
        looksNow: Bool = false
    ) -> Outcome {
        var outcome = Outcome()
        let now = context.now
        if let due = settling, due <= horizon { advance(now: now, &outcome) }
        if settling == nil { checkIntact(now: now, interruptions: interruptions, &outcome) }
        if let due = nextLook, looksNow || due <= max(horizon, now.advanced(byNanoseconds: slackNanoseconds)) {
            look(&context, interruptions: interruptions, &outcome)
        }
        outcome.next = [settling, nextLook].compactMap { $0 }.min()
        return outcome
    }

    /// For how long it need not be looked at, in nanoseconds, as long as nothing runs that did not before an instant; `nil` where
    /// something goes on, or accounting is about to change.
    func restNanoseconds(since: MonotonicInstant, interruptions: InterruptionLog) -> Int64? {
        guard settling == nil, !isHookOnTrial else { return nil }
        return pool.withDetector { detector in
            guard let detector else { return .max }
            return detector.restNanoseconds(since: since, interruptions: interruptions)
        }
    }

    /// Nothing has run since before the last look.
    func rested(_ rest: RestClock.Rest, interruptions: InterruptionLog) {
        guard nextLook != nil else { return }
        nextLook = pool.withDetector { detector in
            detector?.rested(until: rest.until, since: rest.since, interruptions: interruptions)
            return detector?.nextLook(interruptions: interruptions)
        }
    }

    /// Ends what goes on, and leaves accounting; returns what could not be put back.
    func stop(now: MonotonicInstant, interruptions: InterruptionLog) -> Outcome {
        var outcome = Outcome()
        outcome.said = finish(now: now, interruptions: interruptions)
        if let lease, let problem = JobAccounting.leave(lease) {
            outcome.notes.append("the accounting of Swift's pool could not be taken back: \(problem)")
        }
        settling = nil
        return outcome
    }

    // MARK: Installation

    private func status(of lease: JobAccounting.Lease?) -> PoolAccountingStatus {
        // Another watch may have switched it on for itself.
        lease == nil ? PoolAccountingStatus(mode: .off, reason: "it is switched off") : JobAccounting.advance()
    }

    private func advance(now: MonotonicInstant, _ outcome: inout Outcome) {
        let status = status(of: lease)
        guard status.isSettled else {
            let isLate = now.nanoseconds(since: started) >= Self.patienceNanoseconds
            settling = now.advanced(byNanoseconds: isLate ? Self.lateStepNanoseconds : Self.stepNanoseconds)
            pool.status = status
            return
        }
        settling = nil
        pool.status = status
        if let reason = status.reason {
            let text = "Swift's pool is accounted by \(status.mode.label): \(reason)"
            if status.mode == best { outcome.information.append(text) } else { outcome.notes.append(text) }
        } else {
            outcome.information.append("Swift's pool is accounted exactly")
        }
        guard status.mode == .exact || status.mode == .runs else { return }
        var reader = JobReader(now: now)
        let reading = reader.read()
        self.reader = consume reader
        let detector = JobPoolDetector(
            policy: policy,
            width: ProcessorCount.logical,
            reading: reading,
            tellsWaits: status.mode == .exact
        )
        pool.withDetector { $0 = detector }
        nextLook = now
    }

    private func checkIntact(now: MonotonicInstant, interruptions: InterruptionLog, _ outcome: inout Outcome) {
        let pause = isHookOnTrial ? Self.lateStepNanoseconds : Self.checkNanoseconds
        guard lease != nil, now.nanoseconds(since: lastCheck) >= pause else { return }
        lastCheck = now
        let before = pool.status
        _ = JobAccounting.checkIntact()
        isHookOnTrial = JobAccounting.isHookOnTrial
        let status = JobAccounting.status
        // Another watch may have noticed first.
        guard status.mode != before.mode, let change = status.reason else { return }
        outcome.said += finish(now: now, interruptions: interruptions)
        pool.status = status
        outcome.notes.append("Swift's pool is accounted by beats from now on: \(change)")
    }

    private func finish(now: MonotonicInstant, interruptions: InterruptionLog) -> [JobPoolDetector.Said] {
        reader = nil
        nextLook = nil
        return pool.finish(at: now, interruptions: interruptions)
    }

    // MARK: Looking

    private func look(_ context: inout LookContext, interruptions: InterruptionLog, _ outcome: inout Outcome) {
        guard var reading = reader?.read() else { return }
        let (wantsRunDelay, wanted) = pool.withDetector { detector in
            (detector?.wantsRunDelay(reading) ?? false, detector?.wanted(reading) ?? [])
        }
        if wantsRunDelay { reading.runDelayNanoseconds = ProcessRunDelay.nanoseconds() }
        // The reading is a little younger than the pass.
        let observations = evidence.look(at: wanted, &context).mapValues { observation in
            var observation = observation
            observation.instant = reading.instant
            return observation
        }
        var slack: Int64 = 0
        let result = pool.withDetector { detector -> Outcome in
            var result = Outcome()
            result.said = detector?.looked(reading, observations: observations, interruptions: interruptions) ?? []
            result.preparations = detector?.takePreparations() ?? []
            result.next = detector?.nextLook(interruptions: interruptions)
            slack = result.next.flatMap { detector?.lookSlackNanoseconds(before: $0) } ?? 0
            return result
        }
        outcome.said += result.said
        outcome.preparations += result.preparations
        nextLook = result.next
        slackNanoseconds = slack
        pool.note(
            depth: JobLane.ofPool.reduce(0) { $0 + reading.lanes[$1.rawValue].waiting },
            lost: reader?.lost ?? 0
        )
    }

    /// Whether it is settled that beats are needed as well.
    var isFallenBack: Bool {
        let status = pool.status
        return status.isSettled && status.mode != .exact
    }

    /// Whether the main actor is served, as accounting tells.
    var isMainActorServed: Bool { pool.withDetector { $0?.isMainActorServed ?? false } }
}
