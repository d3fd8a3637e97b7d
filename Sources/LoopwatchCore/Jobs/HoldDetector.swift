// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds jobs that hold their thread for too long, each with its exact beginning and end.
struct HoldDetector: Sendable {
    let policy: DetectionPolicy
    var holds: [JobIdentity: Hold] = [:]
    var tally: StallTally
    var lastLook: MonotonicInstant
    private var preparations: UInt64 = 0
    private var prepared: [JobPreparation] = []

    init(policy: DetectionPolicy, now: MonotonicInstant) {
        self.policy = policy
        lastLook = now
        tally = StallTally(policy)
    }

    /// What is said, and of which lane.
    typealias Said = (draft: ReportDraft, lane: JobLane)

    /// Takes the jobs of a reading.
    ///
    /// - Parameters:
    ///   - running: those that run.
    ///   - ended: those that have ended.
    ///   - observations: what was seen of the threads that were wanted.
    ///   - instant: when.
    ///   - isCovered: whether a lane's holders are told of together, or will be, so that none is told of alone; and whether
    ///     they were at the look before.
    ///   - width: threads of a lane.
    ///   - number: gives an episode its number.
    mutating func looked(
        running: [Job],
        ended: [JobReading.Ended],
        observations: [JobIdentity: Observation],
        at instant: MonotonicInstant,
        isCovered: (JobLane) -> (isExpected: Bool, isReported: Bool),
        width: Int,
        interruptions: InterruptionLog,
        number: () -> UInt64
    ) -> [Said] {
        var said: [Said] = []
        for ended in ended {
            let known = holds.removeValue(forKey: ended.job.identity)
            if let known, !known.isReported, !known.isCertain(at: lastLook, policy) { continue }
            // How long an actor's job ran tells nothing of what it ran.
            guard var hold = known ?? (ended.job.kind == .actor ? nil : makeHold(ended.job, at: instant)) else {
                continue
            }
            // It held its thread when that was told of all, at the look before.
            if known != nil, isCovered(ended.job.lane).isReported { hold.isCovered = true }
            end(hold, at: ended.ended, width: width, interruptions: interruptions, number: number, into: &said)
        }
        let identities = Set(running.map(\.identity))
        for (identity, hold) in holds where !identities.contains(identity) {
            holds[identity] = nil
            // Its end was not remembered: it was between the two looks.
            guard hold.isReported || isLong(hold, interruptions: interruptions) else { continue }
            let middle = lastLook.advanced(byNanoseconds: instant.nanoseconds(since: lastLook) / 2)
            end(hold, at: middle, width: width, interruptions: interruptions, number: number, into: &said)
        }
        for job in running where holds[job.identity] != nil || holds.count < Limits.jobsHeld {
            let known = holds[job.identity]
            var hold = known ?? makeHold(job, at: instant)
            if job.kind == .actor, let before = hold.job.within, let now = job.within, now != before {
                let middle = lastLook.advanced(byNanoseconds: instant.nanoseconds(since: lastLook) / 2)
                let boundary = max(middle, hold.began)
                if hold.isReported || isLong(hold, interruptions: interruptions) {
                    end(hold, at: boundary, width: width, interruptions: interruptions, number: number, into: &said)
                }
                hold = makeHold(job, began: boundary, at: instant)
            }
            if hold.job.within == nil, job.within != nil { hold.taskSeen = instant }
            // While another job runs within it is not known.
            hold.job.within = job.within ?? hold.job.within
            hold.job.mark = job.mark ?? hold.job.mark
            if let observation = observations[job.identity] { hold.evidence.add(observation) }
            let cover = isCovered(job.lane)
            // A job that has begun since is what ended the starvation.
            if known != nil, cover.isReported { hold.isCovered = true }
            let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
            // Holders rarely end at one instant: it is told of by itself once it has outlived the starvation for as long.
            if known != nil, cover.isReported, !hold.isReported {
                hold.nextReportNanoseconds = max(
                    hold.nextReportNanoseconds,
                    duration + policy.thresholdNanoseconds
                )
            }
            if duration >= hold.nextReportNanoseconds, hold.isCertain(at: instant, policy), !cover.isExpected {
                let state: StallReport.State = hold.isReported ? .ongoing : .begun
                if !hold.isReported {
                    hold.number = number()
                    hold.isReported = true
                    tally.began(at: hold.began)
                }
                while hold.nextReportNanoseconds <= duration { hold.nextReportNanoseconds *= 2 }
                said.append(
                    (draft(hold, state, until: instant, width: width, interruptions: interruptions), job.lane)
                )
            }
            let left = policy.thresholdNanoseconds - duration
            if !hold.isReported, hold.preparation == nil, left <= policy.preparationNanoseconds {
                preparations += 1
                hold.preparation = preparations
                let preparation = Preparation(number: preparations, thread: job.thread)
                prepared.append(JobPreparation(preparation: preparation, lane: job.lane, holders: [job]))
            }
            holds[job.identity] = hold
        }
        lastLook = instant
        return said
    }

    /// What is to be prepared since the last call: reports of jobs that may soon be due.
    mutating func takePreparations() -> [JobPreparation] {
        defer { prepared = [] }
        return prepared
    }

    /// Ends what goes on, because it is not watched any more.
    ///
    /// - Parameter isCovered: whether a lane's holders are told of together, and were at the latest look.
    mutating func finish(
        at instant: MonotonicInstant,
        isCovered: (JobLane) -> Bool,
        width: Int,
        interruptions: InterruptionLog,
        number: () -> UInt64
    ) -> [Said] {
        var said: [Said] = []
        for var hold in holds.values where hold.isReported || isLong(hold, interruptions: interruptions) {
            if isCovered(hold.job.lane) { hold.isCovered = true }
            end(hold, at: instant, width: width, interruptions: interruptions, number: number, into: &said)
        }
        holds = [:]
        return said
    }

    /// Whether it was past the threshold at the last look: it is counted as what goes on, and so must its end be.
    private func isLong(_ hold: Hold, interruptions: InterruptionLog) -> Bool {
        hold.isCertain(at: lastLook, policy)
            && hold.durationNanoseconds(at: lastLook, interruptions: interruptions) >= policy.thresholdNanoseconds
    }

    private func makeHold(_ job: Job, began: MonotonicInstant? = nil, at instant: MonotonicInstant) -> Hold {
        let began = began ?? job.began
        return Hold(
            job: job,
            began: began,
            taskSeen: job.kind == .actor && job.within != nil ? instant : nil,
            evidence: CauseEvidence(start: began),
            nextReportNanoseconds: policy.thresholdNanoseconds
        )
    }
}
