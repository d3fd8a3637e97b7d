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

    private var lastFree: MonotonicInstant
    private var latestStallBegan: MonotonicInstant?
    private var lastLook: MonotonicInstant
    private var wasFree = false
    private var isProcessQuiet = false
    private var beatPosted: MonotonicInstant?
    private var hasAnswered = false
    private var isGone = false
    private var job: Episode?
    private var late: Episode?
    private var lateServed: MonotonicInstant?
    private var episodes: UInt64 = 0
    private var latestDepth: Int?
    private var congestedNanosecondsTold: Int64 = 0

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
            return beatPosted != nil
                || wasFree && instant.nanoseconds(since: lastLook) > 2 * policy.resolutionNanoseconds
        }
        return !job.isStartKnown && !job.isReported
    }

    /// The target was proved to wait, as it did at the last look: the same as an observation that says so, for less.
    ///
    /// - Returns: false if that does not apply, because a beat is out or something goes on; then nothing was noted.
    public mutating func stillFree(at instant: MonotonicInstant) -> Bool {
        guard wasFree, beatPosted == nil, job == nil, late == nil, !isGone else { return false }
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
        hasAnswered = true
        let lag = instant.nanoseconds(since: posted)
        statistics.lag.observe(nanoseconds: lag)
        var actions: [Action] = []
        endJob(at: instant, interruptions: interruptions, into: &actions)
        let isLate = lag - interruptions.overlapNanoseconds(from: posted, to: instant) >= policy.thresholdNanoseconds
        if late != nil {
            // A flood is over when a beat passes in time, not when one passes at all.
            if isLate {
                lateServed = instant
                actions.append(.postBeat)
            } else {
                endCongestion(at: lateServed ?? instant, interruptions: interruptions, into: &actions)
            }
        }
        lastFree = max(lastFree, instant)
        return actions
    }

    /// The target was looked at.
    public mutating func looked(_ observation: Observation, interruptions: InterruptionLog) -> [Action] {
        var actions: [Action] = []
        guard !isGone else { return [] }
        latestDepth = observation.depth
        isProcessQuiet = observation.isProcessQuiet
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
        wasFree = false
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
        if beatPosted == nil, job == nil, late == nil {
            let pause =
                wasFree
                ? policy.idleNanoseconds : isProcessQuiet ? policy.quietNanoseconds : policy.resolutionNanoseconds
            return lastLook.advanced(byNanoseconds: pause)
        }
        var next = lastLook.advanced(byNanoseconds: policy.resolutionNanoseconds)
        for episode in [job, late] {
            guard let episode else { continue }
            let interrupted = episode.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
            let due = episode.began.advanced(byNanoseconds: episode.nextReportNanoseconds + interrupted)
            if due > lastLook { next = min(next, due) }
        }
        return next
    }

    /// How much before ``nextLook(interruptions:)`` a look does as well, in nanoseconds: when the watchdog is awake for
    /// another target, it saves waking again for this one.
    public var lookSlackNanoseconds: Int64 {
        wasFree && beatPosted == nil && job == nil && late == nil ? policy.idleNanoseconds / 4 : 0
    }

    /// The counters, with what is going on at the given instant.
    ///
    /// - Parameters:
    ///   - instant: now.
    ///   - unixNanoseconds: the same instant as wall time.
    ///   - interruptions: what to subtract.
    public mutating func statistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        var result = statistics
        defer {
            statistics.blockedNanosecondsTold = result.blockedNanoseconds
            congestedNanosecondsTold = result.congestedNanoseconds
        }
        result.congestedNanoseconds = max(result.congestedNanoseconds, congestedNanosecondsTold)
        if let latestStallBegan {
            result.latestStallBeganUnixNanoseconds = unixNanoseconds - instant.nanoseconds(since: latestStallBegan)
        }
        result.heartbeatAgeNanoseconds = max(0, instant.nanoseconds(since: lastFree))
        guard hasAnswered || policy.reportsBeforeFirstAnswer, !isGone else { return result }
        if let job {
            // Not only the reported: a stall is current from the threshold on, even if the watchdog is late.
            let duration = job.durationNanoseconds(at: instant, interruptions: interruptions)
            if duration >= policy.thresholdNanoseconds { result.currentStallNanoseconds = duration }
        }
        if let late, late.isReported {
            let congested = late.durationNanoseconds(at: instant, interruptions: interruptions)
            result.congestedNanoseconds = max(
                statistics.congestedNanoseconds + congested,
                congestedNanosecondsTold
            )
        }
        return result
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
        lastFree = observation.instant
        wasFree = true
        statistics.parkChecks += 1
    }

    private mutating func beginJob(_ observation: Observation) {
        let start = BlockStart.estimate(
            lastFree: lastFree,
            activeNanoseconds: observation.computedNanoseconds.map { $0 + (observation.delayedNanoseconds ?? 0) },
            observation: observation,
            latest: latestStart(observation)
        )
        job = newEpisode(began: start)
    }

    /// The latest instant at which a block that is going on can have begun: before the beat that it holds up.
    private func latestStart(_ observation: Observation) -> MonotonicInstant {
        observation.progress == .busy && observation.call == nil
            ? observation.instant : beatPosted ?? observation.instant
    }

    private mutating func refineStart(_ observation: Observation) {
        guard var episode = job, !episode.isStartKnown, !episode.isReported else { return }
        guard observation.sleepingSince != nil else {
            // A thread that computes began its job no later than it computed and waited for a CPU since then.
            if observation.call == nil, observation.progress == .busy, let active = episode.evidence.activeNanoseconds {
                let start = observation.instant.advanced(byNanoseconds: -active)
                episode.began = max(episode.earliest, min(episode.began, start))
                episode.evidence.start = episode.began
                job = episode
            }
            return
        }
        episode.began = BlockStart.estimate(
            lastFree: episode.earliest,
            activeNanoseconds: episode.evidence.activeNanoseconds,
            observation: observation,
            latest: beatPosted ?? observation.instant
        )
        episode.evidence.start = episode.began
        episode.isStartKnown = true
        job = episode
    }

    private mutating func restartJob(
        _ observation: Observation,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        guard let began = job?.began else { return }
        if late == nil { late = newEpisode(began: began) }
        // The job that ended did so somewhere since the last look; the middle is the estimate without bias.
        let boundary = lastLook.advanced(byNanoseconds: observation.instant.nanoseconds(since: lastLook) / 2)
        endJob(at: max(boundary, began), interruptions: interruptions, into: &actions)
        job = newEpisode(began: boundary)
        job?.earliest = lastLook
    }

    private func newEpisode(began: MonotonicInstant) -> Episode {
        Episode(
            number: 0,
            began: began,
            earliest: min(lastFree, began),
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
        job = reported(job, kind: .stall, at: instant, interruptions: interruptions, into: &actions)
        // While a single job is over the threshold the lateness is explained by it.
        if job?.isReported != true {
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

    private mutating func endJob(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        guard var episode = job else { return }
        job = nil
        let duration = episode.durationNanoseconds(at: instant, interruptions: interruptions)
        guard hasAnswered || policy.reportsBeforeFirstAnswer else { return }
        guard episode.isReported || duration >= policy.thresholdNanoseconds else { return }
        if !episode.isReported { number(&episode) }
        let draft = draft(episode, state: .ended, kind: .stall, until: instant, interruptions: interruptions)
        count(draft)
        actions.append(.report(draft))
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
        guard episode.isReported || duration >= policy.thresholdNanoseconds else { return }
        if !episode.isReported { number(&episode) }
        statistics.congestions += 1
        statistics.congestedNanoseconds += duration
        actions.append(
            .report(draft(episode, state: .ended, kind: .congestion, until: instant, interruptions: interruptions))
        )
    }

    private func cause(of episode: Episode, kind: StallReport.Kind) -> Cause {
        if kind == .congestion { return .congestion }
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
            depth: latestDepth
        )
    }
}
