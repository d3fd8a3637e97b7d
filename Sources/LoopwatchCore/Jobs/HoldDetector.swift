// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds jobs that hold their thread for too long, each with its exact beginning and end.
struct HoldDetector: Sendable {
    /// A job that holds its thread.
    struct Hold: Sendable {
        var job: Job
        /// When what it is at began: later than the job for an actor's that runs one task after another.
        var began: MonotonicInstant
        /// When an actor's job was first seen at the task that it is at; `nil` where that is not known.
        var taskSeen: MonotonicInstant?
        var evidence: CauseEvidence
        var number: UInt64 = 0
        var isReported = false
        /// Whether a report that all threads are held told of it.
        var isCovered = false
        var nextReportNanoseconds: Int64
        /// Number of what was prepared for its first report.
        var preparation: UInt64?

        /// Whether it is certain that it is at what it is since it began.
        ///
        /// An actor's job that is seen for the first time long after it began may have run many tasks by then. One that is
        /// seen at the same task again most likely has no other: those that run very many have short ones.
        func isCertain(at instant: MonotonicInstant, _ policy: DetectionPolicy) -> Bool {
            taskSeen.map { instant.nanoseconds(since: $0) >= policy.lookNanoseconds } ?? true
        }

        func durationNanoseconds(at instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
            max(
                0,
                instant.nanoseconds(since: began) - interruptedNanoseconds(until: instant, interruptions: interruptions)
            )
        }

        func interruptedNanoseconds(until instant: MonotonicInstant, interruptions: InterruptionLog) -> Int64 {
            interruptions.overlapNanoseconds(
                from: began,
                to: instant,
                countsStarvation: evidence.activeNanoseconds == nil
            )
        }
    }

    private let policy: DetectionPolicy
    private(set) var holds: [JobIdentity: Hold] = [:]
    private(set) var statistics = StallStatistics()
    private var lastLook: MonotonicInstant
    private var latestBegan: MonotonicInstant?
    private var preparations: UInt64 = 0
    private var prepared: [JobPreparation] = []

    init(policy: DetectionPolicy, now: MonotonicInstant) {
        self.policy = policy
        lastLook = now
        statistics.thresholdsNanoseconds = [
            policy.thresholds.warning.wholeNanoseconds, policy.thresholds.error.wholeNanoseconds,
            policy.thresholds.critical.wholeNanoseconds,
        ]
    }

    /// What is said, and of which lane.
    typealias Said = (draft: ReportDraft, lane: JobLane)

    /// The threads whose evidence is wanted at a look: of jobs that are half way to the threshold, or beyond.
    func wanted(_ running: [Job], at instant: MonotonicInstant) -> [Job] {
        running.filter { job in
            let began = holds[job.identity]?.began ?? job.began
            return instant.nanoseconds(since: began) >= policy.thresholdNanoseconds / 2
        }
    }

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
                    latestBegan = hold.began
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
    mutating func finish(
        at instant: MonotonicInstant,
        width: Int,
        interruptions: InterruptionLog,
        number: () -> UInt64
    ) -> [Said] {
        var said: [Said] = []
        for hold in holds.values where hold.isReported || isLong(hold, interruptions: interruptions) {
            end(hold, at: instant, width: width, interruptions: interruptions, number: number, into: &said)
        }
        holds = [:]
        return said
    }

    /// When something is due at the earliest, after the latest look; `nil` if nothing runs.
    func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        var next: MonotonicInstant?
        func propose(_ instant: MonotonicInstant) { next = next.map { min($0, instant) } ?? instant }
        for hold in holds.values {
            let interrupted = hold.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
            let half = hold.began.advanced(byNanoseconds: policy.thresholdNanoseconds / 2)
            let due = hold.began.advanced(byNanoseconds: hold.nextReportNanoseconds + interrupted)
            if half > lastLook { propose(half) }
            if hold.preparation == nil {
                let early = due.advanced(byNanoseconds: -policy.preparationNanoseconds)
                if early > lastLook { propose(early) }
            }
            if due > lastLook { propose(due) }
            // What is past half the threshold, and an actor's that goes from task to task, is looked at closely.
            if hold.isReported || due <= lastLook || hold.job.kind == .actor && half <= lastLook {
                propose(lastLook.advanced(byNanoseconds: policy.lookNanoseconds))
            }
        }
        return next
    }

    /// The counters, with what goes on.
    func statistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        var result = statistics
        if let latestBegan {
            result.latestStallBeganUnixNanoseconds = unixNanoseconds - instant.nanoseconds(since: latestBegan)
        }
        for hold in holds.values {
            let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
            // Up to the last look it ran for certain; an actor's may have gone on to its next task since.
            let certain = hold.durationNanoseconds(at: lastLook, interruptions: interruptions)
            let isCertain = certain >= policy.thresholdNanoseconds && hold.isCertain(at: lastLook, policy)
            guard duration >= policy.thresholdNanoseconds, isCertain || hold.job.kind != .actor else { continue }
            result.currentStallNanoseconds = max(result.currentStallNanoseconds ?? 0, duration)
            if isCertain {
                result.certainStallNanoseconds = (result.certainStallNanoseconds ?? 0) + certain
            }
        }
        return result
    }

    /// Jobs past the threshold now, the longest first.
    func heldLong(at instant: MonotonicInstant, interruptions: InterruptionLog) -> [Hold] {
        holds.values
            .filter {
                $0.isCertain(at: lastLook, policy)
                    && $0.durationNanoseconds(at: instant, interruptions: interruptions) >= policy.thresholdNanoseconds
            }
            .sorted { ($0.began, $0.job.identity.slot) < ($1.began, $1.job.identity.slot) }
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

    private mutating func end(
        _ hold: Hold,
        at instant: MonotonicInstant,
        width: Int,
        interruptions: InterruptionLog,
        number: () -> UInt64,
        into said: inout [Said]
    ) {
        var hold = hold
        let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
        guard hold.isReported || duration >= policy.thresholdNanoseconds else { return }
        if !hold.isReported {
            latestBegan = hold.began
            hold.number = number()
        }
        let draft = draft(hold, .ended, until: instant, width: width, interruptions: interruptions)
        statistics.count(draft)
        // A report that all threads are held told of it.
        if hold.isReported || !hold.isCovered { said.append((draft, hold.job.lane)) }
    }

    private func draft(
        _ hold: Hold,
        _ state: StallReport.State,
        until instant: MonotonicInstant,
        width: Int,
        interruptions: InterruptionLog
    ) -> ReportDraft {
        let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
        return ReportDraft(
            state: state,
            kind: hold.job.lane == .main ? .stall : .hold,
            episode: hold.number,
            began: hold.began,
            until: instant,
            durationNanoseconds: duration,
            interruptedNanoseconds: hold.interruptedNanoseconds(until: instant, interruptions: interruptions),
            severity: policy.thresholds.severity(ofNanoseconds: duration) ?? .warning,
            cause: state == .ended
                ? hold.evidence.verdict(
                    ofNanoseconds: duration,
                    thresholdNanoseconds: policy.thresholdNanoseconds
                ) : hold.evidence.verdict,
            cpuShare: hold.evidence.cpuShare,
            thread: hold.job.thread,
            depth: nil,
            preparation: state == .begun ? hold.preparation : nil,
            pool: PoolFinding(kind: .heldThread, lane: hold.job.lane, holders: [hold.job], held: 1, width: width)
        )
    }
}
