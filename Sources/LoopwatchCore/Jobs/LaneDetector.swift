// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides, for one priority of the pool, whether jobs wait because no thread takes them up, or because they are so many.
///
/// Two clocks, as for a loop. The *start clock* runs, while jobs wait, from the last one that began, or from when the oldest
/// came: over the threshold, the priority is blocked. The *wait clock* is how long the oldest has waited: over the threshold
/// while others begin all the time, it is congested.
struct LaneDetector: Sendable {
    /// A time for which jobs have waited.
    private struct Episode: Sendable {
        var began: MonotonicInstant
        var number: UInt64 = 0
        var isReported = false
        var nextReportNanoseconds: Int64
        /// Number of what was prepared for its first report.
        var preparation: UInt64?
        /// The job that had begun last when it began.
        var lastStartTicks: UInt64 = 0
        var finding: PoolFinding.Kind = .starved
        var cause = Cause.starvation
        /// What held the threads when it was last looked at, and the most jobs that waited.
        var held = 0
        var holderCause: Cause?
        var waitingMost = 0
        /// What the threads of the process had waited for a CPU when that was first read, and whether they did for most of
        /// the time since.
        var delay: (instant: MonotonicInstant, nanoseconds: Int64)?
        var isKeptFromCPU = false

        mutating func note(delayNanoseconds: Int64, at instant: MonotonicInstant) {
            guard let delay else {
                delay = (instant, delayNanoseconds)
                return
            }
            isKeptFromCPU = (delayNanoseconds - delay.nanoseconds) * 2 >= instant.nanoseconds(since: delay.instant)
        }
    }

    /// What holds the lane's threads.
    struct Holders {
        /// The jobs, the longest first.
        var jobs: [Job]
        /// Why each does not go on, where that is known.
        var causes: [Cause]

        var mostFrequentCause: Cause? {
            let counts = Dictionary(grouping: causes.filter { $0 != .unknown }) { $0 }.mapValues(\.count)
            return counts.max { ($0.value, $1.key.text) < ($1.value, $0.key.text) }?.key
        }
    }

    private let lane: JobLane
    private let policy: DetectionPolicy
    private(set) var statistics = StallStatistics()
    private var queue: LaneQueue
    private var blocked: Episode?
    private var late: Episode?
    private var latestBegan: MonotonicInstant?
    private var servedAgain: MonotonicInstant?
    private var lastLook: MonotonicInstant
    private var oldest: MonotonicInstant?
    /// Jobs that waited at the last look.
    private(set) var waiting = 0
    /// Jobs that had begun by then.
    private var started: UInt64 = 0
    private var preparations: UInt64 = 0
    private var prepared: [JobPreparation] = []

    init(lane: JobLane, policy: DetectionPolicy, reading: JobReading.Lane, now: MonotonicInstant) {
        self.lane = lane
        self.policy = policy
        queue = LaneQueue(reading, at: now)
        lastLook = now
        statistics.thresholdsNanoseconds = [
            policy.thresholds.warning.wholeNanoseconds, policy.thresholds.error.wholeNanoseconds,
            policy.thresholds.critical.wholeNanoseconds,
        ]
    }

    /// Whether all that hold threads are told of together, or will be.
    ///
    /// Not as long as jobs begin: one thread may be held while others work off the queue.
    func covers(
        _ reading: JobReading.Lane,
        holders: Int,
        width: Int,
        at instant: MonotonicInstant
    ) -> (isExpected: Bool, isReported: Bool) {
        let idle = reading.lastStart.map { instant.nanoseconds(since: $0) } ?? 0
        let isExpected = reading.waiting > 0 && holders >= width && idle >= policy.thresholdNanoseconds / 4
        return (isExpected, blocked.map { $0.isReported && $0.finding == .starved } ?? false)
    }

    /// Whether it is to be found out if the process gets its CPU: jobs have waited for some time, and threads are not held.
    func wantsRunDelay(_ reading: JobReading.Lane, holders: Int, width: Int, at instant: MonotonicInstant) -> Bool {
        guard reading.waiting > 0, holders < width, let blocked else { return false }
        return instant.nanoseconds(since: blocked.began) >= policy.thresholdNanoseconds / 4
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

    private func middle(_ from: MonotonicInstant, _ to: MonotonicInstant) -> MonotonicInstant {
        from.advanced(byNanoseconds: to.nanoseconds(since: from) / 2)
    }

    /// When something is due, after the latest look; `nil` if nothing waits.
    func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        var next: MonotonicInstant?
        for episode in [blocked, late] {
            guard let episode else { continue }
            let interrupted = interruptions.overlapNanoseconds(from: episode.began, to: lastLook)
            let due = episode.began.advanced(byNanoseconds: episode.nextReportNanoseconds + interrupted)
            let soon = lastLook.advanced(byNanoseconds: policy.lookNanoseconds)
            // Once before it is due, to see whether its threads get their CPU.
            let half = episode.began.advanced(byNanoseconds: policy.thresholdNanoseconds / 2)
            // That takes two readings; a wait that was found late has the first at once.
            let isUnread =
                episode.finding == .takenByOthers && episode.delay == nil && !episode.isReported
                && due.nanoseconds(since: lastLook) >= policy.thresholdNanoseconds / 8
            let reading = half > lastLook ? half : isUnread ? min(soon, middle(lastLook, due)) : nil
            if let reading, reading > lastLook { next = next.map { min($0, reading) } ?? reading }
            let own =
                episode.isReported || due <= lastLook ? min(max(due, lastLook.advanced(byNanoseconds: 1)), soon) : due
            next = next.map { min($0, own) } ?? own
        }
        if let blocked, !blocked.isReported, blocked.preparation == nil {
            let interrupted = interruptions.overlapNanoseconds(from: blocked.began, to: lastLook)
            let early = blocked.began.advanced(
                byNanoseconds: blocked.nextReportNanoseconds + interrupted - policy.preparationNanoseconds
            )
            if early > lastLook { next = next.map { min($0, early) } ?? early }
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
        if let blocked {
            let length = Self.length(from: blocked.began, to: instant, interruptions: interruptions)
            if length >= policy.thresholdNanoseconds { result.currentStallNanoseconds = length }
            let certain = Self.length(from: blocked.began, to: lastLook, interruptions: interruptions)
            if certain >= policy.thresholdNanoseconds { result.certainStallNanoseconds = certain }
        }
        if let late, late.isReported {
            result.congestedNanoseconds += Self.length(from: late.began, to: lastLook, interruptions: interruptions)
        }
        return result
    }

    /// Why the priority is blocked now; `nil` if it is not reported to be.
    var currentCause: Cause? { blocked.flatMap { $0.isReported ? $0.cause : nil } }

    // MARK: Episodes

    private struct Context {
        var holders: Holders
        var width: Int
        var interruptions: InterruptionLog
    }

    private static func length(
        from began: MonotonicInstant,
        to end: MonotonicInstant,
        interruptions: InterruptionLog
    ) -> Int64 {
        max(0, end.nanoseconds(since: began) - interruptions.overlapNanoseconds(from: began, to: end))
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

    private mutating func report(
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
    private mutating func prepare(_ episode: inout Episode, at instant: MonotonicInstant, _ context: Context) {
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
        if kind == .stall { latestBegan = episode.began }
    }

    private mutating func finish(
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
            statistics.count(draft)
        } else {
            statistics.congestions += 1
            statistics.congestedNanoseconds += length
        }
        said.append(draft)
    }

    /// What keeps the lane from going on: that its threads are held, unless most of those are kept from the CPU.
    private func cause(_ holders: Holders) -> Cause {
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
