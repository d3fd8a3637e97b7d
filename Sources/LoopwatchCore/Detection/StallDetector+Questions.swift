// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What others ask a detector.
extension StallDetector {
    /// When the target has to be looked at next.
    public func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        guard !isGone else { return nil }
        // At once after registration: a target that is blocked before its first beat has no thread that could be examined.
        guard wasLookedAt else { return lastLook }
        if beatPosted == nil, job == nil, late == nil {
            let soonest = lastLook.advanced(byNanoseconds: policy.lookNanoseconds(stretchedBy: stretch))
            if wasIdle { return max(soonest, lastFree.advanced(byNanoseconds: policy.idleNanoseconds)) }
            return quietLook ?? soonest
        }
        // A thread that waits for work takes the beat at once; one that waits for a lock is known by that not to. In a quiet
        // process it is high time to know: nothing has been proved since most of a threshold.
        if isAsleepElsewhere || isProcessQuiet, let beatPosted, beatPosted >= lastLook {
            // A pool may have to start a thread for it, which on a busy machine takes longer than to wake one.
            let answer = policy.isPool ? Self.secondLookNanosecondsMost : Self.answerNanoseconds
            let soonest = lastLook.advanced(byNanoseconds: min(answer, policy.lookNanoseconds))
            let latest = lastLook.advanced(byNanoseconds: min(Self.secondLookNanosecondsMost, policy.lookNanoseconds))
            // Whatever began right after the latest proof is to be reported then.
            return max(soonest, min(latest, lastFree.advanced(byNanoseconds: policy.thresholdNanoseconds)))
        }
        if let later = laterLook(interruptions: interruptions) { return min(later, startLook ?? later) }
        var next = lastLook.advanced(byNanoseconds: policy.lookNanoseconds)
        if let startLook { next = min(next, startLook) }
        for episode in [job, late] {
            guard let episode else { continue }
            let interrupted = episode.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
            let due = episode.began.advanced(byNanoseconds: episode.nextReportNanoseconds + interrupted)
            if due > lastLook { next = min(next, due) }
        }
        if let job, !job.isReported, job.preparation == nil {
            let interrupted = job.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
            let due = job.began.advanced(
                byNanoseconds: policy.thresholdNanoseconds - policy.preparationNanoseconds + interrupted
            )
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
    /// another target, it saves waking again for this one, and from then on the two are looked at together.
    ///
    /// - Parameter next: what ``nextLook(interruptions:)`` has told. At a time of its own, such as that of a report, it is
    ///   looked at then.
    public func lookSlackNanoseconds(before next: MonotonicInstant) -> Int64 {
        if beatPosted == nil && job == nil && late == nil {
            if wasIdle { return policy.idleNanoseconds / 2 }
            if next == quietLook { return policy.quietSlackNanoseconds }
        }
        for pause in [policy.lookNanoseconds, policy.lookNanoseconds(stretchedBy: stretch)]
        where next == lastLook.advanced(byNanoseconds: pause) {
            // Of a block that was told each look only says that it goes on: where others keep the watchdog awake all the time, it
            // is not looked at twice as often for that.
            return job?.isReported == true ? pause / 4 : pause / 2
        }
        return 0
    }

    /// When a target that was free is asked again that only beats can tell of, if the process is quiet.
    private var quietLook: MonotonicInstant? {
        let next = lastFree.advanced(byNanoseconds: policy.quietNanoseconds)
        return isProcessQuiet && next > lastLook ? next : nil
    }

    /// When a thread is looked at again that was found asleep, where it takes that to know when its job began: by the time at
    /// which a block that began right after the latest proof is to be reported.
    ///
    /// One that ran twice since then may just have lost its CPU once. Where it ran more often, a rhythm is looked for, which
    /// takes a resolution.
    private var startLook: MonotonicInstant? {
        guard let job, !job.isStartKnown, !job.isReported, !job.wasComputing, (job.runsBefore ?? 0) <= 2,
            job.seen == lastLook
        else { return nil }
        return max(
            job.earliest.advanced(byNanoseconds: policy.thresholdNanoseconds),
            lastLook.advanced(byNanoseconds: secondLookNanoseconds)
        )
    }

    /// The next look at a target that has answered all beats in time, where such are looked at less often than once a
    /// resolution; `nil` for any other.
    ///
    /// Whatever it is at, that look tells soon enough whether it answers the beat that has just been posted: a fifth of the
    /// threshold is left until what may go on had to be reported.
    private func laterLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        let pause = policy.lookNanoseconds(stretchedBy: stretch)
        guard pause > policy.lookNanoseconds, late == nil, beatPosted.map({ $0 >= lastLook }) ?? true else {
            return nil
        }
        let next = lastLook.advanced(byNanoseconds: pause)
        guard let job else { return next }
        guard job.seen == lastLook, !job.isReported else { return nil }
        let interrupted = job.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
        let due = job.began.advanced(byNanoseconds: policy.thresholdNanoseconds * 4 / 5 + interrupted)
        return next <= due ? next : nil
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
    func certainlyCongestedUntil(_ interruptions: InterruptionLog) -> MonotonicInstant {
        guard let lateServed else { return lastLook }
        guard let beatPosted, isLate(posted: beatPosted, at: lastLook, interruptions: interruptions) else {
            return lateServed
        }
        return lastLook
    }

    /// Whether a beat that ran, or still waits, at an instant has waited for longer than the threshold.
    func isLate(
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
}
