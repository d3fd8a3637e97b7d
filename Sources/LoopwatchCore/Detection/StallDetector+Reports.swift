// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is said and counted of stalls and congestions.
extension StallDetector {
    mutating func report(
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

    /// Has the report of a block that is not told yet prepared, once for each job, when it may be due before long.
    mutating func prepare(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        guard var episode = job, !episode.isReported, episode.preparation == nil else { return }
        let duration = episode.durationNanoseconds(at: instant, interruptions: interruptions)
        let left = policy.thresholdNanoseconds - duration
        guard left <= policy.preparationNanoseconds + Self.preparationNanosecondsTolerated else { return }
        preparations += 1
        episode.preparation = preparations
        job = episode
        actions.append(.prepare(Preparation(number: preparations, thread: episode.evidence.blockedThread)))
    }

    mutating func reported(
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

    mutating func number(_ episode: inout Episode) {
        episodes += 1
        episode.number = episodes
        episode.isReported = true
        latestStallBegan = episode.began
    }

    /// Ends the job that goes on; returns whether it was a stall.
    @discardableResult
    mutating func endJob(
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
        statistics.count(draft)
        actions.append(.report(draft))
        return true
    }

    mutating func endCongestion(
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

    /// Why an episode was late; `duration`, in nanoseconds, is that of one that is over.
    func cause(of episode: Episode, kind: StallReport.Kind, endedAfterNanoseconds duration: Int64? = nil) -> Cause {
        if kind == .congestion { return episode.evidence.congestionVerdict }
        let evidence = episode.evidence
        let verdict =
            duration.map { evidence.verdict(ofNanoseconds: $0, thresholdNanoseconds: policy.thresholdNanoseconds) }
            ?? evidence.verdict
        // A pool that takes up no work has no thread for it, whatever its threads do.
        return verdict == .unknown && policy.isPool ? .starvation : verdict
    }

    func draft(
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
            cause: cause(of: episode, kind: kind, endedAfterNanoseconds: state == .ended ? duration : nil),
            cpuShare: episode.evidence.cpuShare,
            thread: episode.evidence.blockedThread,
            // At the end nothing is held up any more.
            depth: state == .ended ? nil : latestDepth,
            preparation: state == .begun ? episode.preparation : nil
        )
    }
}
