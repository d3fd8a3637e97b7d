// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Highest lag of an interval")
struct LagPeaksTests {
    private let interval = Double(Limits.historyIntervalNanoseconds) / 1_000_000

    @Test("the highest of this interval and of the one before are kept, exactly")
    func twoIntervals() {
        var peaks = LagPeaks()
        peaks.observe(nanoseconds: 7, at: at(0))
        peaks.observe(nanoseconds: 12_345, at: at(interval - 1))
        peaks.observe(nanoseconds: 3, at: at(interval - 1))
        peaks.observe(nanoseconds: 40, at: at(interval))
        #expect(peaks.nanoseconds(ofInterval: 0) == 12_345)
        #expect(peaks.nanoseconds(ofInterval: 1) == 40)
        #expect(peaks.nanoseconds(ofInterval: 2) == 0)
        peaks.observe(nanoseconds: 1, at: at(2 * interval))
        #expect(peaks.nanoseconds(ofInterval: 0) == 0)
        #expect(peaks.nanoseconds(ofInterval: 1) == 40)
    }

    @Test("what comes late is counted where it belongs, and passed over where that is forgotten")
    func late() {
        var peaks = LagPeaks()
        peaks.observe(nanoseconds: 5, at: at(3 * interval))
        peaks.observe(nanoseconds: 9, at: at(2 * interval))
        peaks.observe(nanoseconds: 99, at: at(0))
        #expect(peaks.nanoseconds(ofInterval: 2) == 9)
        #expect(peaks.nanoseconds(ofInterval: 3) == 5)
        #expect(peaks.nanoseconds(ofInterval: 0) == 0)
    }

    @Test("after intervals without a lag nothing of an older one is left")
    func gap() {
        var peaks = LagPeaks()
        peaks.observe(nanoseconds: 5, at: at(0))
        peaks.observe(nanoseconds: 1, at: at(5 * interval))
        for number in [0, 1, 4] as [Int64] { #expect(peaks.nanoseconds(ofInterval: number) == 0) }
    }

    @Test("two parts of a target are put together")
    func sum() {
        var (left, right) = (LagPeaks(), LagPeaks())
        left.observe(nanoseconds: 5, at: at(0))
        left.observe(nanoseconds: 50, at: at(interval))
        right.observe(nanoseconds: 8, at: at(interval - 1))
        left.add(right)
        left.add(LagPeaks())
        #expect(left.nanoseconds(ofInterval: 0) == 8)
        #expect(left.nanoseconds(ofInterval: 1) == 50)
        var empty = LagPeaks()
        empty.add(left)
        #expect(empty.nanoseconds(ofInterval: 0) == 8)
        #expect(empty.nanoseconds(ofInterval: 1) == 50)
    }

    @Test("a detector's beats and the ends of its blocks are in it")
    func ofDetector() {
        let policy = DetectionPolicy(resolutionNanoseconds: .milliseconds(10), thresholds: Thresholds())
        var detector = StallDetector(policy: policy, now: at(0))
        detector.beatPosted(at: at(1))
        _ = detector.beatRan(at: at(41), posted: at(1), interruptions: InterruptionLog())
        #expect(detector.statistics.lagPeaks.nanoseconds(ofInterval: 0) == .milliseconds(40))
    }
}
