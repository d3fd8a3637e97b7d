// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

@testable import struct LoopwatchCore.LaneQueue

/// Since when the oldest job waits.
@Suite("Queue of a priority")
struct LaneQueueTests {
    private func lane(_ enqueued: Int, _ started: Int, first: Double? = nil) -> JobReading.Lane {
        JobReading.Lane(enqueued: UInt64(enqueued), started: UInt64(started), firstEnqueued: first.map { at($0) })
    }

    @Test("the first that comes to an empty queue is known exactly, the last of a reading to within it")
    func exact() {
        var queue = LaneQueue(lane(5, 5), at: at(0))
        #expect(queue.oldest(lane(5, 5)) == nil)
        queue.note(lane(8, 5, first: 12), at: at(100))
        #expect(queue.oldest(lane(8, 5)) == at(12))
        // The first of three has begun: the next came some time after it.
        let next = queue.oldest(lane(8, 6))
        #expect(next.map { (at(12)...at(100)).contains($0) } ?? false)
        #expect(queue.oldest(lane(8, 7)).map { $0 >= next! && $0 <= at(100) } ?? false)
        queue.note(lane(9, 8, first: 150), at: at(200))
        #expect(queue.oldest(lane(9, 8)) == at(150))
        queue.note(lane(9, 9), at: at(300))
        #expect(queue.oldest(lane(9, 9)) == nil)
    }

    @Test("what waits at the start has waited since then at least")
    func before() {
        let queue = LaneQueue(lane(9, 5, first: nil), at: at(40))
        #expect(queue.oldest(lane(9, 5)) == at(40))
    }

    @Test("a first instant outside of its reading is moved into it")
    func clamped() {
        var queue = LaneQueue(lane(0, 0), at: at(100))
        queue.note(lane(1, 0, first: 90), at: at(200))
        #expect(queue.oldest(lane(1, 0)) == at(100))
        var late = LaneQueue(lane(0, 0), at: at(100))
        late.note(lane(1, 0, first: 250), at: at(200))
        #expect(late.oldest(lane(1, 0)) == at(200))
    }

    @Test("as many readings as come are remembered as few, and the oldest is never taken for a younger one")
    func bounded() {
        var queue = LaneQueue(lane(0, 0), at: at(0))
        for number in 1...10_000 {
            queue.note(lane(number, 0, first: Double(number) - 0.5), at: at(Double(number)))
        }
        let intervals = Mirror(reflecting: queue).children.first { $0.label == "intervals" }?.value
        let count = (intervals as? any Collection)?.count ?? .max
        #expect(count <= Limits.laneIntervals && count >= Limits.laneIntervals / 4)
        #expect(queue.oldest(lane(10_000, 0)) == at(0.5))
        for started in stride(from: 0, to: 10_000, by: 37) {
            let oldest = queue.oldest(lane(10_000, started))?.nanoseconds ?? .max
            // An interval is a fraction of all.
            #expect(abs(oldest - .milliseconds(Double(started) + 0.5)) <= .milliseconds(10_000 / 16))
        }
    }

    @Test("the oldest of a random queue came in the interval that is told", arguments: [3, 4, 5] as [UInt64])
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var queue = LaneQueue(lane(0, 0), at: at(0))
        var enqueued: [Double] = []
        var started = 0
        var now = 0.0
        var gaps: [(from: Double, to: Double)] = []
        for _ in 0..<2_000 {
            let next = now + Double.random(in: 1...50, using: &generator)
            let new = (0..<[0, 0, 1, 2, 7].randomElement(using: &generator)!)
                .map { _ in (Double.random(in: now...next, using: &generator) * 1_000).rounded(.down) / 1_000 }
                .map { max($0, now) }.sorted()
            enqueued += new
            gaps.append((now, next))
            // Now and then nothing begins for a while, and then all does.
            let waits = enqueued.count - started
            started +=
                waits > 60 || Int.random(in: 0..<40, using: &generator) == 0
                ? waits : min(waits, Int.random(in: 0...2, using: &generator))
            queue.note(lane(enqueued.count, started, first: new.first), at: at(next))
            now = next
            let oldest = queue.oldest(lane(enqueued.count, started))
            guard started < enqueued.count else {
                if oldest != nil { Issue.record("nothing waits") }
                continue
            }
            let truth = enqueued[started]
            let gap = gaps.last { $0.from <= truth }
            let bound = (gap?.to ?? 0) - (gap?.from ?? 0) + 0.001
            guard let oldest, abs(Double(oldest.nanoseconds) / 1e6 - truth) <= bound else {
                Issue.record("came at \(truth), \(String(describing: oldest)) was told, bound \(bound), seed \(seed)")
                return
            }
        }
    }
}
