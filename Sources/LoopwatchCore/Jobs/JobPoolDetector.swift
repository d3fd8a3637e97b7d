// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides, for the accounted global executor, when it is looked at and what is reported: threads that one job holds for too
/// long, priorities that no thread serves, priorities that are late because of very many jobs, and the main actor.
///
/// A value: readings go in with their time, reports come out.
public struct JobPoolDetector: Sendable {
    /// What is reported.
    public struct Said: Sendable, Equatable {
        /// Whether it is of the main actor, and not of the pool.
        public var isOfMainActor: Bool
        /// The report.
        public var draft: ReportDraft
    }

    let policy: DetectionPolicy
    /// Threads that each lane may have.
    public var width: Int
    let watched: [JobLane]
    let tellsWaits: Bool
    var holds: HoldDetector
    var main: HoldDetector
    private var mainActorJobs = MainActorJobs()
    var lanes: [LaneDetector]
    private var episodes: UInt64 = 0
    var last: JobReading
    private var isActive = false

    /// Creates a detector.
    ///
    /// - Parameters:
    ///   - policy: thresholds and resolution.
    ///   - width: threads that each priority may have.
    ///   - reading: what was counted so far.
    ///   - tellsWaits: whether every job is seen to be enqueued; otherwise only held threads are found.
    ///   - lanes: where jobs wait, from the first of ``JobLane`` on: a pool of another kind has only that.
    public init(
        policy: DetectionPolicy,
        width: Int,
        reading: JobReading,
        tellsWaits: Bool = true,
        lanes watched: [JobLane] = JobLane.ofPool
    ) {
        self.watched = watched
        self.tellsWaits = tellsWaits
        self.policy = policy
        self.width = max(1, width)
        holds = HoldDetector(policy: policy, now: reading.instant)
        main = HoldDetector(policy: policy, now: reading.instant)
        lanes = watched.map { lane in
            LaneDetector(lane: lane, policy: policy, reading: reading.lanes[lane.rawValue], now: reading.instant)
        }
        last = reading
    }

    /// The jobs of a reading whose threads are to be looked at before ``looked(_:observations:interruptions:)``.
    public func wanted(_ reading: JobReading) -> [Job] {
        holds.wanted(Self.ofPool(reading).running, at: reading.instant)
            + main.wanted(mainActorJobs.running(reading), at: reading.instant)
    }

    /// Whether ``JobReading/runDelayNanoseconds`` is to be read: jobs wait, no thread takes them up, and not all are held.
    public func wantsRunDelay(_ reading: JobReading) -> Bool {
        guard tellsWaits else { return false }
        let running = Self.ofPool(reading).running
        return JobLane.ofPool.contains { lane in
            lanes[lane.rawValue].wantsRunDelay(
                reading.lanes[lane.rawValue],
                holders: running.count { $0.lane == lane },
                width: width,
                at: reading.instant
            )
        }
    }

    /// Takes a reading.
    public mutating func looked(
        _ reading: JobReading,
        observations: [JobIdentity: Observation],
        interruptions: InterruptionLog
    ) -> [Said] {
        var episodes = episodes
        func number() -> UInt64 {
            episodes += 1
            return episodes
        }
        let jobs = Self.ofPool(reading)
        let ofPool = jobs.running
        let covers = watched.map { lane in
            guard tellsWaits else { return (isExpected: false, isReported: false) }
            return lanes[lane.rawValue].covers(
                reading.lanes[lane.rawValue],
                holders: ofPool.count { $0.lane == lane },
                width: width,
                at: reading.instant
            )
        }
        let heldSaid = holds.looked(
            running: ofPool,
            ended: jobs.ended,
            observations: observations,
            at: reading.instant,
            isCovered: { covers[$0.rawValue] },
            width: width,
            interruptions: interruptions,
            number: number
        )
        var said = heldSaid.map { Said(isOfMainActor: false, draft: $0.draft) }
        said += lookAtMainActor(reading, observations, interruptions, number)
        for lane in watched where tellsWaits {
            let holders = ofPool.filter { $0.lane == lane }
                .sorted { ($0.began, $0.identity.slot) < ($1.began, $1.identity.slot) }
            let ends = reading.ended.filter { $0.job.lane == lane }.map(\.ended)
            let drafts = lanes[lane.rawValue].looked(
                reading.lanes[lane.rawValue],
                holders: LaneDetector.Holders(
                    jobs: holders,
                    causes: holders.compactMap { holds.holds[$0.identity]?.evidence.verdict }
                ),
                width: width,
                firstEnd: ends.min(),
                delayNanoseconds: reading.runDelayNanoseconds,
                at: reading.instant,
                interruptions: interruptions,
                number: number
            )
            said += drafts.map { Said(isOfMainActor: false, draft: $0) }
        }
        self.episodes = episodes
        isActive =
            !reading.running.isEmpty
            || zip(reading.lanes, last.lanes).contains {
                $0.enqueued != $1.enqueued || $0.lastStartTicks != $1.lastStartTicks
            }
        last = reading
        return said
    }

    private static func ofPool(_ reading: JobReading) -> JobNesting {
        JobNesting(
            running: reading.running.filter(\.lane.isOfPool),
            ended: reading.ended.filter(\.job.lane.isOfPool)
        )
    }

    /// The main actor counts once it has ended a job: a program whose main thread never returns from its first one does not
    /// serve it at all.
    private mutating func lookAtMainActor(
        _ reading: JobReading,
        _ observations: [JobIdentity: Observation],
        _ interruptions: InterruptionLog,
        _ number: () -> UInt64
    ) -> [Said] {
        let jobs = mainActorJobs.take(reading)
        let isServed = isMainActorServed(reading)
        return main.looked(
            running: isServed ? jobs.running : [],
            ended: jobs.ended,
            observations: observations,
            at: reading.instant,
            isCovered: { _ in (false, false) },
            width: 1,
            interruptions: interruptions,
            number: number
        ).map { Said(isOfMainActor: true, draft: $0.draft) }
    }

    /// What is to be prepared since the last call, before the report is due.
    public mutating func takePreparations() -> [JobPreparation] {
        var preparations = holds.takePreparations() + main.takePreparations()
        for index in lanes.indices { preparations += lanes[index].takePreparations() }
        return preparations
    }

    /// Ends what goes on, because it is not watched any more.
    public mutating func finish(at instant: MonotonicInstant, interruptions: InterruptionLog) -> [Said] {
        var episodes = episodes
        func number() -> UInt64 {
            episodes += 1
            return episodes
        }
        let heldSaid = holds.finish(
            at: instant,
            isCovered: { lane in watched.contains(lane) && lanes[lane.rawValue].tellsOfHolders },
            width: width,
            interruptions: interruptions,
            number: number
        )
        var said = heldSaid.map { Said(isOfMainActor: false, draft: $0.draft) }
        let mainSaid = main.finish(
            at: instant,
            isCovered: { _ in false },
            width: 1,
            interruptions: interruptions,
            number: number
        )
        said += mainSaid.map { Said(isOfMainActor: true, draft: $0.draft) }
        for index in lanes.indices {
            said += lanes[index].finish(at: instant, width: width, interruptions: interruptions)
                .map { Said(isOfMainActor: false, draft: $0) }
        }
        self.episodes = episodes
        return said
    }

    /// For how long it need not be looked at, in nanoseconds, as long as nothing runs that did not before an instant; `nil` where
    /// something goes on.
    public func restNanoseconds(since: MonotonicInstant, interruptions: InterruptionLog) -> Int64? {
        let next = last.instant.advanced(byNanoseconds: pauseNanoseconds)
        let isQuiet = !isActive && nextLook(interruptions: interruptions) == next
        return isQuiet && since <= last.instant ? pauseNanoseconds : nil
    }

    /// Nothing has run since before the last look: the same as a look that finds nothing new.
    ///
    /// - Parameters:
    ///   - instant: until when that is proved.
    ///   - since: since when.
    ///   - interruptions: what to subtract.
    public mutating func rested(
        until instant: MonotonicInstant,
        since: MonotonicInstant,
        interruptions: InterruptionLog
    ) {
        guard instant > last.instant, restNanoseconds(since: since, interruptions: interruptions) != nil else { return }
        var reading = last
        reading.instant = instant
        reading.ended = []
        for index in reading.lanes.indices { reading.lanes[index].firstEnqueued = nil }
        _ = looked(reading, observations: [:], interruptions: interruptions)
    }

    /// When it has to be looked at next.
    ///
    /// Nothing can cross its threshold sooner than one threshold after a reading in which nothing ran and nothing waited.
    /// While jobs run it is looked at twice in that time, so that one look finds a job and the next, before it is reported,
    /// what its thread does.
    public func nextLook(interruptions: InterruptionLog) -> MonotonicInstant {
        var next = last.instant.advanced(byNanoseconds: pauseNanoseconds)
        for due in [holds.nextLook(interruptions: interruptions), main.nextLook(interruptions: interruptions)] {
            if let due { next = min(next, due) }
        }
        for lane in lanes {
            if let due = lane.nextLook(interruptions: interruptions) { next = min(next, due) }
        }
        return next
    }

    /// How much before ``nextLook(interruptions:)`` a look does as well, in nanoseconds.
    ///
    /// - Parameter next: what ``nextLook(interruptions:)`` has told. At a time of its own, such as that of a report, it is
    ///   looked at then.
    public func lookSlackNanoseconds(before next: MonotonicInstant) -> Int64 {
        next == last.instant.advanced(byNanoseconds: pauseNanoseconds) ? pauseNanoseconds / 2 : 0
    }

    private var pauseNanoseconds: Int64 { isActive ? policy.thresholdNanoseconds / 2 : policy.thresholdNanoseconds }
}
