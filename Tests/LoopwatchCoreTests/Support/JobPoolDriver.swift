// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Does for the detector of an accounted pool what the watchdog does, on a clock that jumps from one look to the next.
struct JobPoolDriver {
    /// The detector.
    private(set) var detector: JobPoolDetector
    /// What is watched.
    private(set) var pool: SimulatedPool
    /// What was said, and when.
    private(set) var said: [JobPoolDetector.Said] = []
    /// What was to be prepared.
    private(set) var preparations: [JobPreparation] = []
    /// When it was looked at.
    private(set) var looks: [Int64] = [0]
    /// How many jobs' threads were looked at, for each look.
    private(set) var wanted: [Int] = [0]
    /// Interruptions that the watchdog noticed.
    private(set) var interruptions = InterruptionLog()
    /// Times for which nothing runs, neither the watchdog nor any job: the jobs of the pool are as long as with them.
    var pauses: [ClosedRange<Int64>] = []
    /// How far apart looks at what may be blocked are, in nanoseconds.
    let policyLookNanoseconds: Int64
    /// Time for which threads of the process wait for a CPU, per time; `nil` where that cannot be read.
    var runDelay: Double? = 0
    /// How often it was told that nothing has run.
    private(set) var rests = 0
    private var latest: JobReading?
    private var counted: [StallStatistics] = []

    /// Creates a driver that begins at 0.
    init(_ pool: SimulatedPool, policy: DetectionPolicy = Self.policy(), tellsWaits: Bool = true) {
        var pool = pool
        policyLookNanoseconds = policy.lookNanoseconds
        let reading = pool.read(at: 0)
        detector = JobPoolDetector(policy: policy, width: pool.width, reading: reading, tellsWaits: tellsWaits)
        self.pool = pool
    }

    /// A policy in milliseconds.
    static func policy(threshold: Double = 100, resolution: Double = 10) -> DetectionPolicy {
        DetectionPolicy(
            resolutionNanoseconds: .milliseconds(resolution),
            thresholds: Thresholds(warning: .nanoseconds(Int64.milliseconds(threshold))),
            reportsBeforeFirstAnswer: false,
            isPool: true
        )
    }

    /// When it was looked at last.
    var now: Int64 { looks[looks.count - 1] }

    /// Looks whenever the detector says so, and checks the counters.
    mutating func run(until milliseconds: Double) {
        let end = Int64.milliseconds(milliseconds)
        while true {
            let next = detector.nextLook(interruptions: interruptions).nanoseconds
            guard next <= end else { return }
            guard next > now else {
                Issue.record("a look that is due at once makes the watchdog spin: \(next) after \(now)")
                return
            }
            let pause = pauses.first { $0.contains(next) }
            let due = pause?.upperBound ?? next
            checkCounters(at: now + (due - now) / 2)
            if let pause {
                interruptions.append(
                    Interruption(
                        from: MonotonicInstant(nanoseconds: max(next, pause.lowerBound)),
                        to: MonotonicInstant(nanoseconds: pause.upperBound),
                        kind: .suspended
                    )
                )
            }
            look(at: due)
        }
    }

    private mutating func look(at now: Int64) {
        let since = MonotonicInstant(nanoseconds: self.now)
        looks.append(now)
        var reading = pool.read(at: now)
        // Every other time that nothing has run, the watchdog does not look: it is only told so.
        defer { latest = reading }
        if looks.count % 2 == 0, let latest, reading.running.isEmpty, reading.ended.isEmpty,
            reading.lanes.map(\.enqueued) == latest.lanes.map(\.enqueued),
            reading.lanes.map(\.started) == latest.lanes.map(\.started),
            detector.restNanoseconds(since: since, interruptions: interruptions) != nil
        {
            rests += 1
            wanted.append(0)
            let instant = MonotonicInstant(nanoseconds: now)
            detector.rested(until: instant, since: since, interruptions: interruptions)
            return
        }
        if detector.wantsRunDelay(reading) { reading.runDelayNanoseconds = runDelay.map { Int64(Double(now) * $0) } }
        let jobs = detector.wanted(reading)
        wanted.append(jobs.count)
        said += detector.looked(
            reading,
            observations: pool.observe(jobs, at: now),
            interruptions: interruptions
        )
        preparations += detector.takePreparations()
    }

    /// Ends the watch.
    mutating func finish() {
        let instant = MonotonicInstant(nanoseconds: now)
        said += detector.finish(at: instant, interruptions: interruptions)
        checkCounters(at: now)
    }

    /// The looks before an instant and at or after it.
    func looks(around instant: Int64) -> (before: Int64, after: Int64) {
        var range = looks.startIndex..<looks.endIndex
        while !range.isEmpty {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = looks[middle] < instant ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        let index = range.lowerBound
        return (index > 0 ? looks[index - 1] : 0, index < looks.count ? looks[index] : now)
    }

    // MARK: What was said

    /// What was said of the pool, or of its threads.
    func reports(_ kind: StallReport.Kind, _ lane: JobLane = .medium) -> [ReportDraft] {
        said.filter { !$0.isOfMainActor && $0.draft.kind == kind && $0.draft.pool?.lane == lane }.map(\.draft)
    }

    /// What was said of the main actor.
    var ofMainActor: [ReportDraft] { said.filter(\.isOfMainActor).map(\.draft) }

    /// All that was said.
    var drafts: [ReportDraft] { said.map(\.draft) }

    // MARK: Counters

    /// Counters of held threads, of the pool and of the main actor.
    func counters(at instant: Int64) -> [StallStatistics] {
        let now = MonotonicInstant(nanoseconds: instant)
        return [
            detector.holdStatistics(at: now, unixNanoseconds: instant, interruptions: interruptions),
            detector.poolStatistics(at: now, unixNanoseconds: instant, interruptions: interruptions),
            detector.mainActorStatistics(at: now, unixNanoseconds: instant, interruptions: interruptions),
        ]
    }

    /// Counters never go down, whenever they are read, and agree with each other.
    private mutating func checkCounters(at instant: Int64) {
        let current = counters(at: instant)
        defer { counted = current }
        for (before, now) in zip(counted, current) {
            let isGrowing =
                now.blockedNanoseconds >= before.blockedNanoseconds
                && now.congestedNanoseconds >= before.congestedNanoseconds
                && now.finishedStallNanoseconds >= before.finishedStallNanoseconds
                && now.stallDuration.count >= before.stallDuration.count && now.congestions >= before.congestions
            if !isGrowing { Issue.record("a counter went down at \(instant): \(before) then \(now)") }
            let finished = now.stallDuration.count
            if now.stallsBySeverity.reduce(0, +) != finished || now.stallsByCause.reduce(0, +) != finished
                || now.stallNanosecondsByCause.reduce(0, +) != now.finishedStallNanoseconds
                || now.stallDuration.sumNanoseconds != now.finishedStallNanoseconds
            {
                Issue.record("counters disagree: \(now)")
            }
        }
    }
}
