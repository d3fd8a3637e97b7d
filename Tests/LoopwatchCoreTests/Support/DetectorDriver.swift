// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

/// Does for a detector what the watchdog does, on a clock that jumps from one look to the next.
struct DetectorDriver {
    /// The detector.
    var detector: StallDetector
    /// The loop that it watches.
    var loop: SimulatedLoop
    /// What was reported.
    private(set) var reports: [ReportDraft] = []
    /// What was prepared, and when.
    private(set) var preparations: [(number: UInt64, at: Int64)] = []
    /// When the loop was looked at.
    private(set) var looks: [Int64] = []
    /// Interruptions that the watchdog noticed.
    private(set) var interruptions = InterruptionLog()
    /// Times for which the watchdog does not run.
    var pauses: [ClosedRange<Int64>] = []
    private var now: Int64 = 0
    private var beat: (posted: Int64, runs: Int64)?
    private var statistics: StallStatistics?

    /// Creates a driver for a loop that is registered at 0.
    init(_ loop: SimulatedLoop, policy: DetectionPolicy) {
        detector = StallDetector(policy: policy, now: MonotonicInstant(nanoseconds: 0))
        self.loop = loop
    }

    /// Looks at the loop whenever the detector says so, or now and then as much earlier as it says, and checks the counters
    /// in between.
    mutating func run(until end: Int64, checking generator: inout SeededGenerator) {
        while let planned = detector.nextLook(interruptions: interruptions), planned.nanoseconds <= end {
            var next = planned.nanoseconds
            let slack = detector.lookSlackNanoseconds(before: planned)
            if slack > 0, next - slack > now, Bool.random(using: &generator) {
                next -= Int64.random(in: 0...slack, using: &generator)
            }
            guard next > now || looks.isEmpty else {
                Issue.record("a look that is due at once, again and again, makes the watchdog spin")
                return
            }
            for pause in pauses where pause.contains(next) {
                interruptions.append(
                    Interruption(
                        from: MonotonicInstant(nanoseconds: next),
                        to: MonotonicInstant(nanoseconds: pause.upperBound),
                        kind: .suspended
                    )
                )
            }
            let due = pauses.first { $0.contains(next) }?.upperBound ?? next
            checkCounters(at: Int64.random(in: now...due, using: &generator))
            now = due
            look()
            checkCounters(at: now)
        }
    }

    private mutating func look() {
        looks.append(now)
        if let beat, beat.runs <= now {
            self.beat = nil
            perform(
                detector.beatRan(
                    at: MonotonicInstant(nanoseconds: beat.runs),
                    posted: MonotonicInstant(nanoseconds: beat.posted),
                    interruptions: interruptions
                )
            )
        }
        let instant = MonotonicInstant(nanoseconds: now)
        if loop.isStillFree(at: now), detector.stillFree(at: instant) { return }
        let observation = loop.look(at: now, wantsBlockStart: detector.wantsBlockStart(at: instant))
        perform(detector.looked(observation, interruptions: interruptions))
    }

    private mutating func perform(_ actions: [StallDetector.Action]) {
        for action in actions {
            switch action {
            case .report(let draft):
                reports.append(draft)
            case .prepare(let preparation):
                preparations.append((preparation.number, now))
            case .postBeat:
                if beat != nil { Issue.record("a second beat was posted while one was out") }
                beat = (now + 1_000, loop.beatRuns(postedAt: now + 1_000))
                detector.beatPosted(at: MonotonicInstant(nanoseconds: now + 1_000))
            }
        }
    }

    /// Counters never go down, whenever they are read, and agree with each other.
    private mutating func checkCounters(at instant: Int64) {
        let current = detector.statistics(
            at: MonotonicInstant(nanoseconds: instant),
            unixNanoseconds: instant,
            interruptions: interruptions
        )
        defer { statistics = current }
        guard let before = statistics else { return }
        let isGrowing =
            current.blockedNanoseconds >= before.blockedNanoseconds
            && current.congestedNanoseconds >= before.congestedNanoseconds
            && current.finishedStallNanoseconds >= before.finishedStallNanoseconds
            && current.beats >= before.beats && current.beatsSkipped >= before.beatsSkipped
            && current.parkChecks >= before.parkChecks && current.lag.count >= before.lag.count
            && current.congestions >= before.congestions
        if !isGrowing { Issue.record("a counter went down: \(before) then \(current)") }
        let finished = current.stallDuration.count
        if finished == before.stallDuration.count { return }
        if current.stallsBySeverity.reduce(0, +) != finished || current.stallsByCause.reduce(0, +) != finished
            || current.stallNanosecondsByCause.reduce(0, +) != current.finishedStallNanoseconds
            || current.stallDuration.sumNanoseconds != current.finishedStallNanoseconds
        {
            Issue.record("counters disagree: \(current)")
        }
    }

    /// The detector's counters now.
    var counters: StallStatistics {
        detector.statistics(
            at: MonotonicInstant(nanoseconds: now),
            unixNanoseconds: now,
            interruptions: interruptions
        )
    }
}
