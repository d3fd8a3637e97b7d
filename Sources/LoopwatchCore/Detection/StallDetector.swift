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
        /// Capture the thread already now: the report of the beginning of a block may soon be due.
        case prepare(Preparation)
        /// Tell this to people.
        case report(ReportDraft)
    }

    /// How the target is watched.
    public let policy: DetectionPolicy
    /// By how much longer than the resolution it is from look to look as long as the target is busy and answers
    /// (``LookPace``).
    public var stretch = 1.0
    /// What has been counted.
    public internal(set) var statistics = StallStatistics()

    /// By how much two estimates of the same beginning may differ, in nanoseconds.
    static let startNanosecondsTolerated: Int64 = 1_000_000

    /// A thread that got less of the time than this is not taken to have got as little before.
    static let activeShareLeast = 0.25

    /// A look that comes this much before a preparation is due does as well, in nanoseconds: the watchdog serves deadlines
    /// that lie close together at once.
    static let preparationNanosecondsTolerated: Int64 = 1_000_000

    /// Most time between the two looks that tell a stall from many short jobs, in nanoseconds.
    static let secondLookNanosecondsMost: Int64 = 2_000_000
    /// Time in which a thread that waits for work takes a beat, or is at least woken by it, in nanoseconds.
    static let answerNanoseconds: Int64 = 500_000

    var lastFree: MonotonicInstant
    var latestStallBegan: MonotonicInstant?
    var lastLook: MonotonicInstant
    var wasIdle = false
    var wasLookedAt = false
    var isProcessQuiet = false
    /// Whether the thread slept at the last look in a call that is not known to be its wait, and a beat was posted.
    var isAsleepElsewhere = false
    var beatPosted: MonotonicInstant?
    var hasAnswered = false
    var isGone = false
    var job: Episode?
    var late: Episode?
    var lateServed: MonotonicInstant?
    var episodes: UInt64 = 0
    var preparations: UInt64 = 0
    var latestDepth: Int?
    /// CPU time since the last look that was read when a beat had run.
    var computedUpToBeat: Int64 = 0

    /// Creates a detector for a target that is registered now.
    public init(policy: DetectionPolicy, now: MonotonicInstant) {
        self.policy = policy
        lastFree = now
        lastLook = now
        statistics = StallStatistics(policy)
    }

    /// Begins anew with a target that was watched in another way for a while; what was counted stays.
    public mutating func restart(at instant: MonotonicInstant) {
        var anew = StallDetector(policy: policy, now: instant)
        anew.statistics = statistics
        anew.latestStallBegan = latestStallBegan
        anew.episodes = episodes
        anew.preparations = preparations
        anew.stretch = stretch
        self = anew
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
            let isLongAgo = instant.nanoseconds(since: lastLook) > policy.lookNanoseconds(stretchedBy: stretch)
            return beatPosted != nil || lastFree == lastLook && isLongAgo
        }
        return !job.isStartKnown && !job.isReported
    }

    /// The target was proved to wait, as it did at the last look: the same as an observation that says so, for less.
    ///
    /// - Parameters:
    ///   - instant: until when that is proved.
    ///   - since: since when, where the proof does not go back to the last look by itself.
    /// - Returns: false if that does not apply, because a beat is out or something goes on; then nothing was noted.
    public mutating func stillFree(at instant: MonotonicInstant, since: MonotonicInstant? = nil) -> Bool {
        guard waits(since: since), instant >= lastLook else { return false }
        // Taken in already, for somebody who asked.
        guard instant > lastLook else { return true }
        wasIdle = true
        lastFree = instant
        lastLook = instant
        statistics.parkChecks += 1
        return true
    }

    /// Whether it was proved to wait at the last look, and nothing goes on; with an instant, by a look since then.
    private func waits(since: MonotonicInstant?) -> Bool {
        wasLookedAt && lastFree == lastLook && beatPosted == nil && job == nil && late == nil && !isGone
            && since.map({ $0 <= lastLook }) ?? true
    }

    /// For how long the target need not be looked at, in nanoseconds, as long as nothing runs that did not before an instant;
    /// `nil` where that is not known to tell of it.
    public func restNanoseconds(since: MonotonicInstant) -> Int64? {
        waits(since: since) && wasIdle ? policy.idleNanoseconds : nil
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
    ///   - usage: what the thread did since the last look, where it is known.
    ///   - interruptions: what to subtract.
    public mutating func beatRan(
        at instant: MonotonicInstant,
        posted: MonotonicInstant,
        usage: ThreadUsage? = nil,
        interruptions: InterruptionLog
    ) -> [Action] {
        beatPosted = nil
        // What was counted up to the last look stays counted: the loop may have been preempted after it read its clock.
        let end = max(instant, lastLook)
        let lag = instant.nanoseconds(since: posted)
        statistics.lag.observe(nanoseconds: lag)
        statistics.lagPeaks.observe(nanoseconds: lag, at: instant)
        if let usage {
            job?.evidence.add(usage)
            late?.evidence.add(usage)
            computedUpToBeat += usage.computedNanoseconds
        }
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
        isAsleepElsewhere = observation.progress == .unknown && observation.isAsleepElsewhere && beatPosted == nil
        wasLookedAt = true
        defer {
            lastLook = observation.instant
            computedUpToBeat = 0
        }
        if observation.progress == .free, beatPosted == nil {
            becomeFree(observation, interruptions: interruptions, into: &actions)
            // What may not be served at all has to answer once before anything is said of it, however free it looks.
            if !hasAnswered, !policy.reportsBeforeFirstAnswer { actions.append(.postBeat) }
            return actions
        }
        wasIdle = false
        if beatPosted == nil, observation.progress == .unknown, observation.isProcessQuiet, late == nil,
            observation.instant.nanoseconds(since: lastFree) < policy.quietNanoseconds - policy.quietSlackNanoseconds
        {
            return []
        }
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
            prepare(at: observation.instant, interruptions: interruptions, into: &actions)
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

    mutating func becomeFree(
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
        let computed = (observation.computedNanoseconds ?? 0) + computedUpToBeat
        wasIdle = lastFree == lastLook && computed <= elapsed / 100
        lastFree = observation.instant
        statistics.parkChecks += 1
    }
}
