// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Very many short jobs: what is late, and what is blocked.
@Suite("Congestion")
struct CongestionTests {
    private var detector = StallDetector(
        policy: DetectionPolicy(resolutionNanoseconds: .milliseconds(10), thresholds: Thresholds()),
        now: at(0)
    )
    private var reports: [ReportDraft] = []
    private var counted: Int64 = 0

    private mutating func perform(_ actions: [StallDetector.Action], at milliseconds: Double) {
        for action in actions {
            switch action {
            case .report(let draft): reports.append(draft)
            case .prepare: break
            case .postBeat: detector.beatPosted(at: at(milliseconds))
            }
        }
        let now = counters(milliseconds)
        #expect(now.congestedNanoseconds >= counted, "a counter went down at \(milliseconds)")
        counted = now.congestedNanoseconds
    }

    private mutating func look(_ milliseconds: Double, _ progress: Observation.Progress) {
        let observation = Observation(
            instant: at(milliseconds),
            progress: progress,
            computedNanoseconds: .milliseconds(10)
        )
        perform(detector.looked(observation, interruptions: InterruptionLog()), at: milliseconds)
    }

    private mutating func answer(_ milliseconds: Double, posted: Double) {
        let actions = detector.beatRan(at: at(milliseconds), posted: at(posted), interruptions: InterruptionLog())
        perform(actions, at: milliseconds)
    }

    private func counters(_ milliseconds: Double) -> StallStatistics {
        detector.statistics(at: at(milliseconds), unixNanoseconds: 0, interruptions: InterruptionLog())
    }

    /// A flood from 0 on, during which beats take 150 ms.
    private mutating func flood(until end: Double) {
        look(10, .busy)
        var posted = 10.0
        for instant in stride(from: 20.0, through: end, by: 10) {
            if instant - posted >= 150 {
                answer(instant, posted: posted)
                #expect(detector.isBeatOut, "a flood is asked again at once")
                posted = instant
            }
            look(instant, .advanced)
        }
    }

    @Test("a flood is one congestion over several late beats, and ends when a beat passes in time")
    mutating func flood() {
        flood(until: 500)
        #expect(reports.map(\.kind) == [.congestion, .congestion, .congestion])
        #expect(reports.map(\.state) == [.begun, .ongoing, .ongoing])
        // Beats were answered late at 160, 310 and 460; the one that is out since then is not.
        answer(505, posted: 460)
        #expect(reports.count == 4)
        #expect(reports.last?.state == .ended && reports.last?.until == at(460))
        #expect(Set(reports.map(\.episode)).count == 1)
        #expect(reports.allSatisfy { $0.cause == .congestion })
        #expect(counters(505).congestions == 1)
        #expect(counters(505).stallDuration.count == 0 && counters(505).blockedNanoseconds == 0)
        look(510, .free)
        #expect(reports.count == 4)
    }

    @Test("a long job inside a flood is a stall of its own")
    mutating func longJob() {
        flood(until: 200)
        for instant in stride(from: 210.0, through: 400, by: 10) { look(instant, .busy) }
        answer(405, posted: 160)
        let stalls = reports.filter { $0.kind == .stall }
        #expect(stalls.map(\.state).first == .begun && stalls.map(\.state).last == .ended)
        // It began between the looks at 190 and 200.
        #expect(abs((stalls.last?.durationNanoseconds ?? 0) - .milliseconds(210)) <= .milliseconds(5))
        answer(410, posted: 405)
        #expect(reports.last?.kind == .congestion && reports.last?.state == .ended)
    }

    @Test("a loop that goes from job to job while nothing waits is not late")
    mutating func nothingWaits() {
        // The looks that find it busy post beats, all of which pass at once.
        for instant in stride(from: 10.0, through: 1_000, by: 10) {
            look(instant, .advanced)
            answer(instant + 1, posted: instant)
        }
        #expect(reports.isEmpty)
        #expect(counters(1_001).congestedNanoseconds == 0)
    }

    @Test("a flood that just ends, with the loop free, ends its congestion")
    mutating func flatEnd() {
        flood(until: 140)
        #expect(reports.map(\.state) == [.begun])
        answer(145, posted: 10)
        answer(146, posted: 145)
        look(150, .free)
        #expect(reports.map(\.state) == [.begun, .ended])
        #expect(counters(10_000).congestedNanoseconds == reports.last?.durationNanoseconds)
    }

    @Test("the time of a target that went during a flood is counted once")
    mutating func gone() {
        flood(until: 300)
        perform(detector.targetGone(at: at(305), interruptions: InterruptionLog()), at: 305)
        #expect(reports.last?.state == .ended)
        #expect(counters(400).congestedNanoseconds == reports.last?.durationNanoseconds)
    }
}
