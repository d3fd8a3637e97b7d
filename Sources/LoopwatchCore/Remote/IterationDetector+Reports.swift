// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is said and counted of blocks.
extension IterationDetector {
    mutating func report(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into drafts: inout [ReportDraft]
    ) {
        guard var current = iteration else { return }
        let duration = current.durationNanoseconds(at: instant, interruptions: interruptions)
        guard duration >= current.nextReportNanoseconds else { return }
        let state: StallReport.State = current.isReported ? .ongoing : .begun
        if !current.isReported { number(&current) }
        current.scheduleNextReport(after: duration)
        iteration = current
        drafts.append(draft(current, state: state, until: instant, interruptions: interruptions))
    }

    /// Ends the iteration that goes on.
    ///
    /// - Parameter isUpperBound: whether it ended at this instant at the latest, and not exactly then.
    mutating func end(
        at instant: MonotonicInstant,
        isUpperBound: Bool = false,
        interruptions: InterruptionLog,
        into drafts: inout [ReportDraft]
    ) {
        guard var current = iteration else { return }
        iteration = nil
        if isUpperBound || !current.isExact { current.isExact = false }
        // The proof ends with the latest look that found the thread away, or with the edge.
        let proved = isUpperBound ? current.latestLook?.observation.instant ?? current.began : instant
        let duration = current.durationNanoseconds(at: proved, interruptions: interruptions)
        if rung.grade == .exact, !isUpperBound {
            statistics.lag.observe(nanoseconds: duration)
            statistics.lagPeaks.observe(nanoseconds: duration, at: instant)
        }
        let upper = current.upperNanoseconds(at: instant, interruptions: interruptions)
        guard current.isReported || duration >= policy.thresholdNanoseconds else {
            if !current.isExact, upper >= policy.thresholdNanoseconds {
                statistics.unprovenStretches += 1
                statistics.unprovenNanoseconds += upper
            }
            return
        }
        if let usage, usage.instant >= instant, !isUpperBound { addLast(usage, to: &current, until: instant) }
        if !current.isReported { number(&current) }
        var draft = draft(current, state: .ended, until: proved, interruptions: interruptions)
        if !current.isExact { draft.durationUpperNanoseconds = upper }
        if draft.kind == .congestion {
            statistics.congestions += 1
            statistics.congestedNanoseconds += draft.durationNanoseconds
        } else {
            statistics.count(draft)
        }
        drafts.append(draft)
    }

    /// Tells that what was reported last, and goes on, was found to be many jobs in one iteration, none of which blocks.
    ///
    /// - Parameter episode: number of the episode; nothing happens if it is over.
    public mutating func noteManyJobs(inEpisode episode: UInt64) {
        guard iteration?.number == episode, iteration?.isReported == true else { return }
        iteration?.isOfManyJobs = true
    }

    /// Tells what the iteration that goes on is made of, as its jobs were seen.
    ///
    /// What was reported as a block remains one: the job that was seen first may have been long enough. What was reported as
    /// many jobs becomes a block when one of them is found to be.
    ///
    /// - Parameters:
    ///   - isOfManyJobs: whether it is many, none of which blocks as far as is known.
    ///   - began: when the iteration began that was looked at; nothing happens if it is over.
    ///   - instant: now.
    ///   - interruptions: when the process was stopped.
    public mutating func note(
        isOfManyJobs: Bool,
        inIterationFrom began: MonotonicInstant,
        at instant: MonotonicInstant,
        interruptions: InterruptionLog
    ) {
        guard let current = iteration, current.began == began, current.isOfManyJobs != isOfManyJobs else { return }
        guard current.isReported else {
            iteration?.isOfManyJobs = isOfManyJobs
            return
        }
        guard !isOfManyJobs else { return }
        // What was counted of it as congested remains so: a counter does not fall.
        statistics.congestedNanoseconds += current.durationNanoseconds(at: instant, interruptions: interruptions)
        iteration?.isOfManyJobs = false
    }

    /// What the thread did between the latest look and the end.
    private func addLast(_ usage: Observation, to current: inout RemoteIteration, until instant: MonotonicInstant) {
        var last = usage
        last.instant = instant
        last = clamped(last, since: current.began)
        guard let computed = last.computedNanoseconds else { return }
        guard current.latestLook != nil else {
            // No look saw it: what it slept in is not known.
            last.call = nil
            last.isReady = false
            last.progress = .busy
            current.evidence.add(last)
            return
        }
        var usage = ThreadUsage(
            instant: instant,
            computedNanoseconds: computed,
            delayedNanoseconds: last.delayedNanoseconds
        )
        usage.throttledNanoseconds = last.throttledNanoseconds
        current.evidence.add(usage)
    }

    private mutating func number(_ current: inout RemoteIteration) {
        episodes += 1
        current.number = episodes
        current.isReported = true
        latestStallBegan = current.began
    }

    private func draft(
        _ current: RemoteIteration,
        state: StallReport.State,
        until instant: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> ReportDraft {
        let duration = current.durationNanoseconds(at: instant, interruptions: interruptions)
        let evidence = current.evidence
        let cause =
            current.isOfManyJobs
            ? evidence.congestionVerdict
            : state == .ended
                ? evidence.verdict(ofNanoseconds: duration, thresholdNanoseconds: policy.thresholdNanoseconds)
                : evidence.verdict
        return ReportDraft(
            state: state,
            kind: current.isOfManyJobs ? .congestion : .stall,
            episode: current.number,
            began: current.began,
            until: instant,
            durationNanoseconds: duration,
            interruptedNanoseconds: current.interruptedNanoseconds(until: instant, interruptions: interruptions),
            severity: policy.thresholds.severity(ofNanoseconds: duration) ?? .warning,
            cause: cause,
            cpuShare: evidence.cpuShare,
            thread: thread,
            evidence: current.isExact ? .exact : .bounded,
            durationUpperNanoseconds: current.isExact
                ? nil : current.upperNanoseconds(at: instant, interruptions: interruptions),
            events: current.events
        )
    }

    /// The end of a block was written as a warning: people are led to it from the histogram.
    public mutating func stallReported(_ draft: ReportDraft, as report: StallReport) {
        statistics.stallDuration.attach(
            Histogram.Exemplar(
                warning: report.sequence,
                nanoseconds: draft.durationNanoseconds,
                unixNanoseconds: report.unixNanoseconds
            )
        )
    }

    /// The cause of the block that goes on, if one does.
    public var currentCause: Cause? {
        guard let iteration, iteration.isReported else { return nil }
        return iteration.isOfManyJobs ? iteration.evidence.congestionVerdict : iteration.evidence.verdict
    }

    /// When the loop has to be looked at next.
    ///
    /// With exact edges a loop in its wait cannot cross the threshold sooner than one threshold from now; one that is away
    /// is looked at as often as its cause needs, and when a report is due.
    public func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        guard !isGone else { return nil }
        let soonest = lastLook.advanced(byNanoseconds: policy.lookNanoseconds)
        guard rung.grade == .exact else {
            // Where edges are not recorded, looks are what the watch costs.
            guard iteration == nil else { return soonest }
            return lastLook.advanced(byNanoseconds: policy.waitingLookNanoseconds(stretchedBy: stretch))
        }
        guard let iteration else {
            // Tracepoints are for loops that wait so often that there is soon no more room for records.
            guard place == .waiting, rung == .executionBreakpoints else { return soonest }
            let pause = min(policy.thresholdNanoseconds, Self.idleNanosecondsMost)
            return lastLook.advanced(byNanoseconds: max(policy.lookNanoseconds, pause))
        }
        let interrupted = iteration.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
        let due = iteration.began.advanced(byNanoseconds: iteration.nextReportNanoseconds + interrupted)
        return due > lastLook ? min(soonest, due) : soonest
    }

    private static let idleNanosecondsMost: Int64 = 100_000_000

    /// When it is to be seen whether a loop in its wait has left it; `nil` where the next look comes as soon.
    ///
    /// It costs next to nothing, and so it is known early in an iteration at which job the loop is.
    public var nextGlance: MonotonicInstant? {
        guard !isGone, place == .waiting, iteration == nil, rung == .executionBreakpoints else { return nil }
        let pause = policy.thresholdNanoseconds / 2
        return pause > policy.lookNanoseconds ? lastLook.advanced(byNanoseconds: pause) : nil
    }

    /// The counters, with what is going on at the given instant.
    ///
    /// - Parameters:
    ///   - instant: now.
    ///   - unixNanoseconds: the same instant as wall time.
    ///   - interruptions: when the process was stopped.
    public func statistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        var result = statistics
        if let latestStallBegan {
            result.latestStallBeganUnixNanoseconds = unixNanoseconds - instant.nanoseconds(since: latestStallBegan)
        }
        result.heartbeatAgeNanoseconds = max(0, instant.nanoseconds(since: lastWaiting))
        guard let iteration, iteration.isReported else { return result }
        // An end that has come since the last look may take back the rest, but not this.
        let certain = iteration.durationNanoseconds(at: lastLook, interruptions: interruptions)
        guard !iteration.isOfManyJobs else {
            result.congestedNanoseconds += certain
            return result
        }
        result.certainStallNanoseconds = certain
        result.currentStallNanoseconds = max(
            certain,
            iteration.durationNanoseconds(at: instant, interruptions: interruptions)
        )
        return result
    }
}
