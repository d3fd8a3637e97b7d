// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides, for one priority of the pool, whether jobs wait because no thread takes them up, or because they are so many.
///
/// Two clocks, as for a loop. The *start clock* runs, while jobs wait, from the last one that began, or from when the oldest
/// came: over the threshold, the priority is blocked. The *wait clock* is how long the oldest has waited: over the threshold
/// while others begin all the time, it is congested.
struct LaneDetector: Sendable {
    let lane: JobLane
    let policy: DetectionPolicy
    var tally: StallTally
    private var queue: LaneQueue
    var blocked: Episode?
    var late: Episode?
    var servedAgain: MonotonicInstant?
    var lastLook: MonotonicInstant
    var oldest: MonotonicInstant?
    /// Jobs that waited at the last look.
    var waiting = 0
    /// Jobs that had begun by then.
    var started: UInt64 = 0
    var preparations: UInt64 = 0
    var prepared: [JobPreparation] = []

    init(lane: JobLane, policy: DetectionPolicy, reading: JobReading.Lane, now: MonotonicInstant) {
        self.lane = lane
        self.policy = policy
        queue = LaneQueue(reading, at: now)
        lastLook = now
        tally = StallTally(policy)
    }

    /// Takes the lane's part of a reading.
    mutating func looked(
        _ reading: JobReading.Lane,
        holders: Holders,
        width: Int,
        firstEnd: MonotonicInstant?,
        delayNanoseconds: Int64? = nil,
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        number: () -> UInt64
    ) -> [ReportDraft] {
        var said: [ReportDraft] = []
        queue.note(reading, at: instant)
        waiting = reading.waiting
        started = reading.started
        oldest = queue.oldest(reading)
        func length(_ episode: Episode, until end: MonotonicInstant) -> Int64 {
            Self.length(from: episode.began, to: end, interruptions: interruptions)
        }
        let context = Context(holders: holders, width: width, interruptions: interruptions)
        // A job has begun: a thread was free.
        if let episode = blocked, waiting == 0 || reading.lastStartTicks != episode.lastStartTicks {
            let start = reading.lastStart ?? instant
            // Where jobs held all threads, the first of those that ended made room for the one that began.
            let free = episode.finding == .starved ? firstEnd : nil
            let end = min(max(free.map { min($0, start) } ?? start, episode.began), instant)
            blocked = nil
            finish(episode, at: end, kind: .stall, context, number: number, into: &said)
        }
        if let oldest {
            if blocked == nil {
                let began = max(oldest, reading.lastStart ?? oldest)
                blocked = Episode(
                    began: min(began, instant),
                    nextReportNanoseconds: policy.thresholdNanoseconds,
                    lastStartTicks: reading.lastStartTicks
                )
            }
            if var episode = blocked {
                episode.finding = holders.jobs.count >= width ? .starved : .takenByOthers
                if let delayNanoseconds { episode.note(delayNanoseconds: delayNanoseconds, at: instant) }
                episode.cause = cause(holders)
                // Threads that are ready and get no CPU look like threads that other work has.
                if episode.finding == .takenByOthers, episode.isKeptFromCPU { episode.cause = .runqueue }
                episode.held = holders.jobs.count
                episode.holderCause = holders.mostFrequentCause
                episode.waitingMost = max(episode.waitingMost, waiting)
                report(&episode, at: instant, kind: .stall, context, number: number, into: &said)
                prepare(&episode, at: instant, context)
                blocked = episode
            }
        }
        noteLateness(at: instant, context, number: number, into: &said)
        lastLook = instant
        return said
    }

    /// What is to be prepared since the last call: a report that may soon be due.
    mutating func takePreparations() -> [JobPreparation] {
        defer { prepared = [] }
        return prepared
    }

    /// Ends what goes on, because it is not watched any more.
    mutating func finish(at instant: MonotonicInstant, width: Int, interruptions: InterruptionLog) -> [ReportDraft] {
        var said: [ReportDraft] = []
        let context = Context(holders: Holders(jobs: [], causes: []), width: width, interruptions: interruptions)
        if let blocked, blocked.isReported {
            finish(blocked, at: instant, kind: .stall, context, number: { blocked.number }, into: &said)
        }
        if let late, late.isReported {
            finish(late, at: instant, kind: .congestion, context, number: { late.number }, into: &said)
        }
        blocked = nil
        late = nil
        return said
    }

    private mutating func noteLateness(
        at instant: MonotonicInstant,
        _ context: Context,
        number: () -> UInt64,
        into said: inout [ReportDraft]
    ) {
        func isLate(_ since: MonotonicInstant) -> Bool {
            instant.nanoseconds(since: since) >= policy.thresholdNanoseconds
        }
        if var episode = late {
            if oldest.map(isLate) ?? false || blocked?.isReported == true {
                episode.finding = .congested
                episode.waitingMost = max(episode.waitingMost, waiting)
                report(&episode, at: instant, kind: .congestion, context, number: number, into: &said)
                late = episode
            } else {
                late = nil
                finish(episode, at: instant, kind: .congestion, context, number: number, into: &said)
            }
            return
        }
        // What was late because no thread was free is no congestion.
        let since = oldest.map { max($0, servedAgain ?? $0) }
        // Nothing has begun for long: that is none either, or it is not known yet whether it is one.
        guard let since, isLate(since), let blocked, !blocked.isReported, blocked.began > since,
            instant.nanoseconds(since: blocked.began) < policy.thresholdNanoseconds / 2
        else { return }
        var episode = Episode(began: since, nextReportNanoseconds: policy.thresholdNanoseconds)
        episode.finding = .congested
        episode.cause = .congestion
        report(&episode, at: instant, kind: .congestion, context, number: number, into: &said)
        late = episode
    }
}
