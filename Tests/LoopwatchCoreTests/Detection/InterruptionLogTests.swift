// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Times in which nothing ran, and what they take off a stall.
@Suite("Interruptions")
struct InterruptionLogTests {
    private var log = InterruptionLog()

    private mutating func append(_ from: Double, _ to: Double) {
        log.append(Interruption(from: at(from), to: at(to), kind: .starved))
    }

    private func overlap(_ from: Double, _ to: Double) -> Double {
        Double(log.overlapNanoseconds(from: at(from), to: at(to))) / 1e6
    }

    @Test("what lies between two instants is summed up, and nothing else")
    mutating func overlap() {
        #expect(overlap(0, 100) == 0)
        append(10, 20)
        append(30, 50)
        append(70, 70)
        #expect(overlap(0, 100) == 30)
        #expect(overlap(15, 40) == 15)
        #expect(overlap(20, 30) == 0)
        #expect(overlap(12, 14) == 2)
        #expect(overlap(50, 100) == 0)
        #expect(overlap(0, 10) == 0)
        #expect(overlap(40, 15) == 0)
    }

    @Test("where a target's own thread is known, that the watchdog waited for a CPU is no excuse")
    mutating func starvation() {
        append(10, 20)
        log.append(Interruption(from: at(30), to: at(50), kind: .suspended))
        #expect(overlap(0, 100) == 30)
        #expect(log.overlapNanoseconds(from: at(0), to: at(100), countsStarvation: false) == .milliseconds(20))
    }

    @Test("the oldest are forgotten beyond the bound")
    mutating func bound() {
        for number in 0..<(Limits.interruptionsKept + 10) { append(Double(number) * 2, Double(number) * 2 + 1) }
        #expect(overlap(0, 1e6) == Double(Limits.interruptionsKept))
        #expect(overlap(0, 20) == 0)
        #expect(overlap(20, 21) == 1)
    }

    @Test("a watchdog that was ready for half the time was starved, otherwise all stood still")
    func kind() {
        #expect(Interruption.kind(lateNanoseconds: 100, runDelayNanoseconds: 50) == .starved)
        #expect(Interruption.kind(lateNanoseconds: 100, runDelayNanoseconds: 49) == .suspended)
        #expect(Interruption.kind(lateNanoseconds: 100, runDelayNanoseconds: nil) == .suspended)
        #expect(Interruption(from: at(0), to: at(1), kind: .suspended, isThrottled: true).cause == .suspended)
        #expect(Interruption(from: at(0), to: at(1), kind: .starved).cause == .runqueue)
        #expect(Interruption(from: at(0), to: at(1), kind: .starved, isThrottled: true).cause == .throttled)
        #expect(Interruption.kind(lateNanoseconds: 100, runDelayNanoseconds: 20, stolenNanoseconds: 30) == .starved)
        #expect(Interruption.kind(lateNanoseconds: 100, runDelayNanoseconds: nil, stolenNanoseconds: 49) == .suspended)
        #expect(Interruption(from: at(1), to: at(3), kind: .starved).nanoseconds == .milliseconds(2))
    }
}
