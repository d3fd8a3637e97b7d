// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides, for one target, when it is looked at, when a beat is posted, and what is reported.
///
/// A value: events go in with their time, actions come out. It knows two clocks. The *job clock* runs from the last proof
/// that a job ended or that the target was free: a stall is a job clock over the threshold. The *wait clock* runs from
/// when the beat that is out was posted: a wait over the threshold with a young job clock is congestion.
public struct StallDetector: Sendable {
    /// What the shell has to do.
    public enum Action: Sendable, Equatable {
        /// Post a beat, and tell the detector by ``StallDetector/beatPosted(at:)``.
        case postBeat
        /// Tell this to people.
        case report(ReportDraft)
    }

    /// How the target is watched.
    public let policy: DetectionPolicy
    /// What has been counted.
    public private(set) var statistics = StallStatistics()

    /// By how much two estimates of the same beginning may differ, in nanoseconds.
    private static let startNanosecondsTolerated: Int64 = 1_000_000

    /// Most time between the two looks that tell a stall from many short jobs, in nanoseconds.
    private static let secondLookNanosecondsMost: Int64 = 2_000_000

    private var lastFree: MonotonicInstant
    private var latestStallBegan: MonotonicInstant?
    private var lastLook: MonotonicInstant
    private var wasIdle = false
    private var wasLookedAt = false
    private var isProcessQuiet = false
    private var beatPosted: MonotonicInstant?
    private var hasAnswered = false
    private var isGone = false
    private var job: Episode?
    private var late: Episode?
    private var lateServed: MonotonicInstant?
    private var episodes: UInt64 = 0
    private var latestDepth: Int?

    /// Creates a detector for a target that is registered now.
    public init(policy: DetectionPolicy, now: MonotonicInstant) {
        self.policy = policy
        lastFree = now
        lastLook = now
        statistics.thresholdsNanoseconds = [
            policy.thresholds.warning.wholeNanoseconds, policy.thresholds.error.wholeNanoseconds,
            policy.thresholds.critical.wholeNanoseconds,
        ]
    }

    /// Whether a beat is out.
    public var isBeatOut: Bool { beatPosted != nil }

    /// Whether a block may be going on, the beginning of which has been estimated.
    public var isSuspect: Bool { job != nil }

    /// Whether a look now should find out since when the thread sleeps.
    ///
    /// That is so if a block may be going on for longer than a resolution, and its beginning is a guess, or will be
    /// because the last proof of freedom is long ago.
    public func wantsBlockStart(at instant: MonotonicInstant) -> Bool {
        guard let job else {
            let isLongAgo = instant.nanoseconds(since: lastLook) > policy.lookNanoseconds
            return beatPosted != nil || lastFree == lastLook && isLongAgo
        }
        return !job.isStartKnown && !job.isReported
    }

    /// The target was proved to wait, as it did at the last look: the same as an observation that says so, for less.
    ///
    /// - Returns: false if that does not apply, because a beat is out or something goes on; then nothing was noted.
    public mutating func stillFree(at instant: MonotonicInstant) -> Bool {
        guard wasLookedAt, lastFree == lastLook, beatPosted == nil, job == nil, late == nil, !isGone else {
            return false
        }
        wasIdle = true
        lastFree = instant
        lastLook = instant
        statistics.parkChecks += 1
        return true
    }

    /// Items that waited at the last look, where the target tells.
    public var depth: Int? { latestDepth }

    // MARK: Events

    /// The beat that an action asked for was posted.
    public mutating func beatPosted(at instant: MonotonicInstant) {
        beatPosted = instant
        statistics.beats += 1
    }

    /// The beat that was out has run.
    ///
    /// - Parameters:
    ///   - instant: when it ran, by the target's own thread.
    ///   - posted: when it was posted.
    ///   - interruptions: what to subtract.
    public mutating func beatRan(
        at instant: MonotonicInstant,
        posted: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> [Action] {
        beatPosted = nil
        // What was counted up to the last look stays counted: the loop may have been preempted after it read its clock.
        let end = max(instant, lastLook)
        let lag = instant.nanoseconds(since: posted)
        statistics.lag.observe(nanoseconds: lag)
        var actions: [Action] = []
        endJob(at: end, interruptions: interruptions, into: &actions)
        if late != nil {
            // A flood is over when a beat passes in time, not when one passes at all.
            if isLate(posted: posted, at: instant, interruptions: interruptions) {
                lateServed = end
                actions.append(.postBeat)
            } else {
                endCongestion(at: lateServed ?? end, interruptions: interruptions, into: &actions)
            }
        }
        // Last, so that a wait for the first answer ends as silently as it began.
        hasAnswered = true
        lastFree = max(lastFree, instant)
        return actions
    }

    /// The target was looked at.
    public mutating func looked(_ observation: Observation, interruptions: InterruptionLog) -> [Action] {
        var actions: [Action] = []
        guard !isGone else { return [] }
        latestDepth = observation.depth
        isProcessQuiet = observation.isProcessQuiet
        wasLookedAt = true
        defer { lastLook = observation.instant }
        if observation.progress == .free, beatPosted == nil {
            becomeFree(observation, interruptions: interruptions, into: &actions)
            // What may not be served at all has to answer once before anything is said of it, however free it looks.
            if !hasAnswered, !policy.reportsBeforeFirstAnswer { actions.append(.postBeat) }
            return actions
        }
        if beatPosted == nil, observation.progress == .unknown, observation.isProcessQuiet, late == nil,
            observation.instant.nanoseconds(since: lastFree) < policy.quietNanoseconds
        {
            return []
        }
        wasIdle = false
        if beatPosted == nil {
            actions.append(.postBeat)
            // Without evidence of its own a target is suspect only once a beat has not been answered.
            if observation.progress == .unknown { return actions }
        } else {
            statistics.beatsSkipped += 1
        }
        if job == nil { beginJob(observation) }
        if observation.progress == .advanced { restartJob(observation, interruptions: interruptions, into: &actions) }
        job?.evidence.add(observation)
        noteComputing(observation)
        refineStart(observation)
        late?.evidence.add(observation)
        if hasAnswered || policy.reportsBeforeFirstAnswer {
            report(at: observation.instant, interruptions: interruptions, into: &actions)
        }
        return actions
    }

    /// The thread that served the target has ended: nothing will ever answer, and nothing is blocked.
    public mutating func targetGone(at instant: MonotonicInstant, interruptions: InterruptionLog) -> [Action] {
        guard !isGone else { return [] }
        isGone = true
        beatPosted = nil
        var actions: [Action] = []
        endJob(at: instant, interruptions: interruptions, into: &actions)
        endCongestion(at: instant, interruptions: interruptions, into: &actions)
        return actions
    }

    /// The end of a stall was written as a warning: people are led to it from the histogram.
    public mutating func stallReported(_ draft: ReportDraft, as report: StallReport) {
        statistics.stallDuration.attach(
            Histogram.Exemplar(
                warning: report.sequence,
                nanoseconds: draft.durationNanoseconds,
                unixNanoseconds: report.unixNanoseconds
            )
        )
    }

    // MARK: Questions

    /// When the target has to be looked at next.
    public func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        guard !isGone else { return nil }
        // At once after registration: a target that is blocked before its first beat has no thread that could be examined.
        guard wasLookedAt else { return lastLook }
        if beatPosted == nil, job == nil, late == nil {
            let soonest = lastLook.advanced(byNanoseconds: policy.lookNanoseconds)
            guard wasIdle || isProcessQuiet else { return soonest }
            let pause = wasIdle ? policy.idleNanoseconds : policy.quietNanoseconds
            return max(soonest, lastFree.advanced(byNanoseconds: pause))
        }
        var next = lastLook.advanced(byNanoseconds: policy.lookNanoseconds)
        for episode in [job, late] {
            guard let episode else { continue }
            let interrupted = episode.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
            let due = episode.began.advanced(byNanoseconds: episode.nextReportNanoseconds + interrupted)
            if due > lastLook { next = min(next, due) }
        }
        if let job, !isOneJob(seenUntil: lastLook),
            job.durationNanoseconds(at: next, interruptions: interruptions) >= policy.thresholdNanoseconds
        {
            next = min(next, lastLook.advanced(byNanoseconds: secondLookNanoseconds))
        }
        return next
    }

    /// How much before ``nextLook(interruptions:)`` a look does as well, in nanoseconds: when the watchdog is awake for
    /// another target, it saves waking again for this one.
    public var lookSlackNanoseconds: Int64 {
        wasIdle && beatPosted == nil && job == nil && late == nil ? policy.idleNanoseconds / 4 : 0
    }

    /// The counters, with what is going on at the given instant.
    ///
    /// - Parameters:
    ///   - instant: now.
    ///   - unixNanoseconds: the same instant as wall time.
    ///   - interruptions: what to subtract.
    public func statistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        var result = statistics
        if let latestStallBegan {
            result.latestStallBeganUnixNanoseconds = unixNanoseconds - instant.nanoseconds(since: latestStallBegan)
        }
        result.heartbeatAgeNanoseconds = max(0, instant.nanoseconds(since: lastFree))
        guard hasAnswered || policy.reportsBeforeFirstAnswer, !isGone else { return result }
        if let job {
            // Not only the reported: a stall is current from the threshold on, even if the watchdog is late.
            let duration = job.durationNanoseconds(at: instant, interruptions: interruptions)
            if duration >= policy.thresholdNanoseconds, isOneJob(seenUntil: lastLook) {
                result.currentStallNanoseconds = duration
            }
            // An answer that came since the last look may take back the rest, but not this.
            if job.isReported {
                result.certainStallNanoseconds = job.durationNanoseconds(at: lastLook, interruptions: interruptions)
            }
        }
        if let late, late.isReported {
            let certain = certainlyCongestedUntil(interruptions)
            result.congestedNanoseconds += late.durationNanoseconds(at: certain, interruptions: interruptions)
        }
        return result
    }

    /// The earliest instant at which the congestion that goes on can turn out to have ended.
    private func certainlyCongestedUntil(_ interruptions: InterruptionLog) -> MonotonicInstant {
        guard let lateServed else { return lastLook }
        guard let beatPosted, isLate(posted: beatPosted, at: lastLook, interruptions: interruptions) else {
            return lateServed
        }
        return lastLook
    }

    /// Whether a beat that ran, or still waits, at an instant has waited for longer than the threshold.
    private func isLate(
        posted: MonotonicInstant,
        at instant: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> Bool {
        let interrupted = interruptions.overlapNanoseconds(from: posted, to: instant)
        return instant.nanoseconds(since: posted) - interrupted >= policy.thresholdNanoseconds
    }

    /// The cause of the stall that goes on, if one does.
    public var currentCause: Cause? {
        guard let job, job.isReported else { return nil }
        return cause(of: job, kind: .stall)
    }

    // MARK: Transitions

    private mutating func becomeFree(
        _ observation: Observation,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        // No beat is out, so whatever ran has ended since the last look.
        endJob(at: observation.instant, interruptions: interruptions, into: &actions)
        endCongestion(at: lateServed ?? observation.instant, interruptions: interruptions, into: &actions)
        // A loop that works now and then is looked at closely, so that its short jobs are not taken for part of a block
        // that follows them.
        let elapsed = observation.instant.nanoseconds(since: lastLook)
        wasIdle = lastFree == lastLook && (observation.computedNanoseconds ?? 0) <= elapsed / 100
        lastFree = observation.instant
        statistics.parkChecks += 1
    }

    private mutating func beginJob(_ observation: Observation) {
        var observation = observation
        // The latest of many sleeps does not tell when the first began.
        let runs = observation.runs ?? 0
        if runs > 1 { observation.sleepingSince = nil }
        let start = BlockStart.estimate(
            lastFree: lastFree,
            activeNanoseconds: observation.computedNanoseconds.map { $0 + (observation.delayedNanoseconds ?? 0) },
            observation: observation,
            latest: latestStart(observation)
        )
        job = newEpisode(began: start, seen: observation.instant)
        job?.runsBefore = runs
    }

    /// The latest instant at which a block that is going on can have begun: before the beat that it holds up.
    private func latestStart(_ observation: Observation) -> MonotonicInstant {
        observation.progress == .busy && observation.call == nil
            ? observation.instant : beatPosted ?? observation.instant
    }

    private mutating func noteComputing(_ observation: Observation) {
        guard var episode = job, let computed = observation.computedNanoseconds else { return }
        if observation.instant > episode.seen {
            episode.ranNanoseconds += computed
        } else {
            episode.wasComputing = observation.progress != .unknown && observation.call == nil
        }
        job = episode
    }

    private mutating func refineStart(_ observation: Observation) {
        guard var episode = job, !episode.isStartKnown, !episode.isReported else { return }
        defer { job = episode }
        if episode.runsBefore > 1 {
            // At the look that saw it first there is no rhythm yet.
            guard observation.instant > episode.seen else { return }
            episode.runsSince += observation.runs ?? 0
            if let start = rhythmicStart(of: episode, observation) {
                episode.began = start
                episode.evidence.start = start
                return
            }
        }
        guard let sleepingSince = observation.sleepingSince else {
            // A thread that computes began its job no later than it computed and waited for a CPU since then.
            if observation.call == nil, observation.progress == .busy, let active = episode.evidence.activeNanoseconds {
                let start = observation.instant.advanced(byNanoseconds: -active)
                episode.began = max(episode.earliest, min(episode.began, start))
                episode.evidence.start = episode.began
            }
            return
        }
        // Where runs are not counted, it takes another look to see that this sleep is not one of many.
        episode.isStartKnown = episode.runsBefore == 1 || observation.instant > episode.seen
        let start = BlockStart.estimate(
            lastFree: episode.earliest,
            activeNanoseconds: episode.evidence.activeNanoseconds,
            observation: observation,
            latest: beatPosted ?? observation.instant
        )
        let isFirstSleep =
            sleepingSince <= episode.seen || start.nanoseconds(since: episode.began) <= Self.startNanosecondsTolerated
        if isFirstSleep {
            episode.began = start
        } else {
            // One of many, as of a job that asks a database again and again: it began before all it did since.
            let latest = min(start, episode.seen)
            episode.began = episode.earliest.advanced(byNanoseconds: latest.nanoseconds(since: episode.earliest) / 2)
        }
        episode.evidence.start = episode.began
    }

    /// The beginning of a job that sleeps again and again, as one that asks a database does.
    ///
    /// It is extrapolated: as many runs as were counted before it was first seen took as long as they take now.
    ///
    /// - Returns: `nil` if the thread just computes, or did not run since the look before.
    private func rhythmicStart(of episode: Episode, _ observation: Observation) -> MonotonicInstant? {
        let lately = observation.instant.nanoseconds(since: lastLook)
        let active = (observation.computedNanoseconds ?? 0) + (observation.delayedNanoseconds ?? 0)
        guard episode.runsSince > 0, active * 5 < lately * 4 else { return nil }
        let elapsed = observation.instant.nanoseconds(since: episode.seen)
        let before = Double(episode.runsBefore) * Double(elapsed) / Double(episode.runsSince)
        let start = episode.seen.advanced(byNanoseconds: -Int64(min(before, 1e15)))
        return min(max(start, episode.earliest), episode.seen)
    }

    private mutating func restartJob(
        _ observation: Observation,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        guard let began = job?.began else { return }
        // The job that ended did so somewhere since the last look; the middle is the estimate without bias.
        let middle = lastLook.advanced(byNanoseconds: observation.instant.nanoseconds(since: lastLook) / 2)
        let boundary = max(middle, lastFree)
        let wasOneJob = isOneJob(seenUntil: lastLook)
        let wasStall =
            wasOneJob && endJob(at: max(boundary, began), interruptions: interruptions, into: &actions)
        // Nothing is late as long as nothing waits, and a stall that ended is told already.
        if late == nil, beatPosted != nil {
            late = newEpisode(began: wasStall ? max(boundary, began) : began, seen: observation.instant)
        }
        job = newEpisode(began: boundary, seen: observation.instant)
        job?.earliest = max(lastLook, lastFree)
    }

    /// Whether what goes on is known to be one job: its thread slept, or ran on without a change.
    ///
    /// What one look found after a long time without one may be many short jobs. A thread that has not run since then
    /// has not gone on to another either: another program may have its CPU.
    private func isOneJob(seenUntil look: MonotonicInstant) -> Bool {
        guard let job else { return false }
        if job.isReported || job.isStartKnown { return true }
        // Where runs are counted, many of them are many short jobs or one that sleeps again and again.
        guard job.runsBefore <= 1 || job.seen < look else { return false }
        guard job.wasComputing, job.ranNanoseconds < secondLookNanoseconds * 3 / 4 else { return true }
        return look.nanoseconds(since: job.seen) >= policy.thresholdNanoseconds / 2
    }

    /// Time between the first look at what may be a stall or many short jobs and the look that tells, in nanoseconds.
    private var secondLookNanoseconds: Int64 { min(Self.secondLookNanosecondsMost, policy.lookNanoseconds / 2) }

    private func newEpisode(began: MonotonicInstant, seen: MonotonicInstant) -> Episode {
        Episode(
            number: 0,
            began: began,
            earliest: min(lastFree, began),
            seen: seen,
            nextReportNanoseconds: policy.thresholdNanoseconds,
            evidence: CauseEvidence(start: began)
        )
    }

    // MARK: Reports

    private mutating func report(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        if isOneJob(seenUntil: instant) {
            job = reported(job, kind: .stall, at: instant, interruptions: interruptions, into: &actions)
        }
        // A single job that is over the threshold explains the lateness, and one that is old may yet do so.
        let age = job?.durationNanoseconds(at: instant, interruptions: interruptions) ?? 0
        if age * 2 < policy.thresholdNanoseconds {
            late = reported(late, kind: .congestion, at: instant, interruptions: interruptions, into: &actions)
        }
    }

    private mutating func reported(
        _ current: Episode?,
        kind: StallReport.Kind,
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) -> Episode? {
        guard var episode = current else { return nil }
        let duration = episode.durationNanoseconds(at: instant, interruptions: interruptions)
        guard duration >= episode.nextReportNanoseconds else { return episode }
        let state: StallReport.State = episode.isReported ? .ongoing : .begun
        if !episode.isReported { number(&episode) }
        episode.scheduleNextReport(after: duration)
        actions.append(.report(draft(episode, state: state, kind: kind, until: instant, interruptions: interruptions)))
        return episode
    }

    private mutating func number(_ episode: inout Episode) {
        episodes += 1
        episode.number = episodes
        episode.isReported = true
        latestStallBegan = episode.began
    }

    /// Ends the job that goes on; returns whether it was a stall.
    @discardableResult
    private mutating func endJob(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) -> Bool {
        guard var episode = job else { return false }
        job = nil
        let duration = episode.durationNanoseconds(at: instant, interruptions: interruptions)
        guard hasAnswered || policy.reportsBeforeFirstAnswer else { return false }
        guard episode.isReported || duration >= policy.thresholdNanoseconds else { return false }
        // What was late so far was so because of this job: that is no congestion.
        if late?.isReported != true { late = nil }
        if !episode.isReported { number(&episode) }
        let draft = draft(episode, state: .ended, kind: .stall, until: instant, interruptions: interruptions)
        count(draft)
        actions.append(.report(draft))
        return true
    }

    private mutating func endCongestion(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        guard var episode = late else { return }
        late = nil
        lateServed = nil
        let duration = episode.durationNanoseconds(at: instant, interruptions: interruptions)
        guard hasAnswered || policy.reportsBeforeFirstAnswer else { return }
        guard episode.isReported || duration >= policy.thresholdNanoseconds else { return }
        if !episode.isReported { number(&episode) }
        statistics.congestions += 1
        statistics.congestedNanoseconds += duration
        actions.append(
            .report(draft(episode, state: .ended, kind: .congestion, until: instant, interruptions: interruptions))
        )
    }

    private func cause(of episode: Episode, kind: StallReport.Kind) -> Cause {
        if kind == .congestion { return episode.evidence.congestionVerdict }
        let verdict = episode.evidence.verdict
        // A pool that takes up no work has no thread for it, whatever its threads do.
        return verdict == .unknown && policy.isPool ? .starvation : verdict
    }

    private mutating func count(_ draft: ReportDraft) {
        statistics.stallDuration.observe(nanoseconds: draft.durationNanoseconds)
        statistics.finishedStallNanoseconds += draft.durationNanoseconds
        statistics.stallsBySeverity[draft.severity.rawValue] += 1
        statistics.longestFinishedNanoseconds = max(statistics.longestFinishedNanoseconds, draft.durationNanoseconds)
        let label = Cause.blockLabels.firstIndex(of: draft.cause.label) ?? Cause.blockLabels.count - 1
        statistics.stallsByCause[label] += 1
        statistics.stallNanosecondsByCause[label] += draft.durationNanoseconds
    }

    private func draft(
        _ episode: Episode,
        state: StallReport.State,
        kind: StallReport.Kind,
        until instant: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> ReportDraft {
        let duration = episode.durationNanoseconds(at: instant, interruptions: interruptions)
        return ReportDraft(
            state: state,
            kind: kind,
            episode: episode.number,
            began: episode.began,
            until: instant,
            durationNanoseconds: duration,
            interruptedNanoseconds: episode.interruptedNanoseconds(until: instant, interruptions: interruptions),
            severity: policy.thresholds.severity(ofNanoseconds: duration) ?? .warning,
            cause: cause(of: episode, kind: kind),
            cpuShare: episode.evidence.cpuShare,
            thread: episode.evidence.blockedThread,
            // At the end nothing is held up any more.
            depth: state == .ended ? nil : latestDepth
        )
    }
}
