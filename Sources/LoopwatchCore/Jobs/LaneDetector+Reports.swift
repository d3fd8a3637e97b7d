// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is said of a priority.
extension LaneDetector {
    /// Says of an episode what is due.
    mutating func report(
        _ episode: inout Episode,
        at instant: MonotonicInstant,
        kind: StallReport.Kind,
        _ context: Context,
        number: () -> UInt64,
        into said: inout [ReportDraft]
    ) {
        let length = Self.length(from: episode.began, to: instant, interruptions: context.interruptions)
        guard length >= episode.nextReportNanoseconds else { return }
        let state: StallReport.State = episode.isReported ? .ongoing : .begun
        begin(&episode, kind: kind, number: number)
        while episode.nextReportNanoseconds <= length { episode.nextReportNanoseconds *= 2 }
        said.append(draft(episode, state, kind: kind, until: instant, context))
    }

    /// Has the first report of an episode prepared if it may soon be due.
    mutating func prepare(_ episode: inout Episode, at instant: MonotonicInstant, _ context: Context) {
        guard !episode.isReported, episode.preparation == nil else { return }
        let length = Self.length(from: episode.began, to: instant, interruptions: context.interruptions)
        guard episode.nextReportNanoseconds - length <= policy.preparationNanoseconds else { return }
        preparations += 1
        episode.preparation = preparations
        prepared.append(
            JobPreparation(
                preparation: Preparation(number: preparations, thread: nil),
                lane: lane,
                holders: Array(context.holders.jobs.prefix(Limits.poolThreadsCaptured)),
                started: started
            )
        )
    }

    private mutating func begin(_ episode: inout Episode, kind: StallReport.Kind, number: () -> UInt64) {
        guard !episode.isReported else { return }
        episode.isReported = true
        episode.number = number()
        if kind == .stall { tally.began(at: episode.began) }
    }

    /// Ends an episode, and says so if it was long.
    mutating func finish(
        _ episode: Episode,
        at instant: MonotonicInstant,
        kind: StallReport.Kind,
        _ context: Context,
        number: () -> UInt64,
        into said: inout [ReportDraft]
    ) {
        var episode = episode
        let length = Self.length(from: episode.began, to: instant, interruptions: context.interruptions)
        guard episode.isReported || length >= policy.thresholdNanoseconds else { return }
        begin(&episode, kind: kind, number: number)
        let draft = draft(episode, .ended, kind: kind, until: instant, context)
        if kind == .stall {
            servedAgain = instant
            tally.ended(draft)
        } else {
            tally.congestionEnded(nanoseconds: length)
        }
        said.append(draft)
    }

    /// What keeps the lane from going on: that its threads are held, unless most of those are kept from the CPU.
    func cause(_ holders: Holders) -> Cause {
        for cause in [Cause.runqueue, .throttled] {
            let count = holders.causes.count { $0 == cause }
            if count > 0, count * 2 > holders.causes.count { return cause }
        }
        return .starvation
    }

    private func draft(
        _ episode: Episode,
        _ state: StallReport.State,
        kind: StallReport.Kind,
        until instant: MonotonicInstant,
        _ context: Context
    ) -> ReportDraft {
        let length = Self.length(from: episode.began, to: instant, interruptions: context.interruptions)
        return ReportDraft(
            state: state,
            kind: kind,
            episode: episode.number,
            began: episode.began,
            until: instant,
            durationNanoseconds: length,
            interruptedNanoseconds: context.interruptions.overlapNanoseconds(from: episode.began, to: instant),
            severity: policy.thresholds.severity(ofNanoseconds: length) ?? .warning,
            cause: episode.cause,
            cpuShare: nil,
            thread: nil,
            depth: state == .ended ? nil : waiting,
            preparation: state == .begun ? episode.preparation : nil,
            started: started,
            pool: PoolFinding(
                kind: episode.finding,
                lane: lane,
                holders: state == .ended ? [] : Array(context.holders.jobs.prefix(Limits.poolThreadsCaptured)),
                held: state == .ended ? episode.held : context.holders.jobs.count,
                width: context.width,
                holderCause: episode.holderCause,
                waiting: state == .ended ? episode.waitingMost : waiting,
                oldestWaitNanoseconds: oldest.map { max(0, instant.nanoseconds(since: $0)) }
            )
        )
    }
}
