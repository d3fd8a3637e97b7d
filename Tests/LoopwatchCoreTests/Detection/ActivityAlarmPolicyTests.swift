// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

@Suite("When the watchdog is to be woken by CPU time")
struct ActivityAlarmPolicyTests {
    private var policy = ActivityAlarmPolicy(
        DetectionPolicy(resolutionNanoseconds: .milliseconds(10), thresholds: Thresholds(warning: .milliseconds(50)))
    )

    private mutating func decide(
        _ milliseconds: Double?,
        hasGoneOff: Bool = false,
        isResting: Bool = false
    ) -> ActivityAlarmPolicy.Decision {
        policy.decide(
            forPause: milliseconds.map { .milliseconds($0) },
            hasGoneOff: hasGoneOff,
            isResting: isResting
        )
    }

    @Test("it is set while all targets wait, and only then")
    mutating func pauses() {
        #expect(policy.cpuNanoseconds == .milliseconds(12.5))
        let pauses: [Double?] = [50, 12.5, 10, nil]
        var decisions: [ActivityAlarmPolicy.Decision] = []
        for pause in pauses { decisions.append(decide(pause)) }
        #expect(decisions == [.set, .set, .unset, .unset], "it looks soon anyway, or there are no targets")
    }

    @Test("it is set again at once after it found a target at work")
    mutating func fruitful() {
        let decisions = [decide(50), decide(10, hasGoneOff: true), decide(50)]
        #expect(decisions == [.set, .unset, .set])
    }

    @Test("it is set ever less often where it was for nothing, as other threads compute")
    mutating func fruitless() {
        for skipped in [0, 1, 2, 4, 8, 16, 32, 64, 64] {
            var decisions = [decide(50, hasGoneOff: true)]
            for _ in 0..<skipped { decisions.append(decide(50)) }
            #expect(decisions == Array(repeating: .unset, count: skipped) + [.set], "\(skipped) pauses are skipped")
        }
        // The pauses that it goes through make up for it.
        for _ in 0..<5 { _ = decide(50) }
        let decisions = [decide(50, hasGoneOff: true), decide(50), decide(50), decide(50), decide(50)]
        #expect(decisions == [.unset, .unset, .set, .set, .set])
    }

    @Test("it is set as before once it finds a target at work, or has gone through some pauses")
    mutating func forgotten() {
        for _ in 0..<3 { _ = decide(50, hasGoneOff: true) }
        let found = [decide(10, hasGoneOff: true), decide(50), decide(50, hasGoneOff: true)]
        #expect(found == [.unset, .set, .set])
        for _ in 0..<3 { _ = decide(50) }
        let again = decide(50, hasGoneOff: true)
        #expect(again == .set)
    }

    @Test("it is kept while nothing runs, but not for so long that the watchdog's own CPU time sets it off")
    mutating func kept() {
        let first = [decide(50, isResting: true), decide(50, isResting: true), decide(50), decide(50, isResting: true)]
        #expect(first == [.set, .keep, .set, .keep])
        var kept = 0
        while decide(50, isResting: true) == .keep { kept += 1 }
        #expect(kept == 19)
        let afterWork = [decide(10), decide(50, isResting: true), decide(50, isResting: true)]
        #expect(afterWork == [.unset, .set, .keep])
        let afterAlarm = [decide(50, hasGoneOff: true, isResting: true), decide(50, isResting: true)]
        #expect(afterAlarm == [.set, .keep])
    }
}
