// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Since when no other thread has run")
struct ProcessRestTests {
    /// Reads clocks at an instant of milliseconds, when others have computed for so many nanoseconds.
    private static func read(
        _ rest: inout ProcessRest,
        at milliseconds: Double,
        others: Int64,
        own: Int64,
        clock: Int64 = 800
    ) -> MonotonicInstant? {
        rest.read(own: (own, own + clock), process: others + own + 2 * clock, at: at(milliseconds))
    }

    @Test("as long as others do not run, it is since the first reading")
    func rests() {
        var rest = ProcessRest()
        #expect(Self.read(&rest, at: 0, others: 70_000, own: 1_000) == nil)
        for index in 1..<100 {
            let own = Int64(index) * 40_000
            let clock = Int64(700 + index % 5 * 200)
            #expect(Self.read(&rest, at: Double(index) * 50, others: 70_000, own: own, clock: clock) == at(0))
        }
    }

    @Test("a thread that ran for 3 us ends it, and it begins anew")
    func runs() {
        var rest = ProcessRest()
        #expect(Self.read(&rest, at: 0, others: 70_000, own: 1_000) == nil)
        #expect(Self.read(&rest, at: 50, others: 73_000, own: 41_000) == nil)
        #expect(Self.read(&rest, at: 100, others: 73_000, own: 81_000) == at(50))
    }

    @Test("little at a time does not go unnoticed")
    func creeps() {
        var rest = ProcessRest()
        var others: Int64 = 0
        var since: MonotonicInstant? = at(0)
        _ = Self.read(&rest, at: 0, others: others, own: 0)
        for index in 1...10 where since != nil {
            others += 200
            since = Self.read(&rest, at: Double(index) * 50, others: others, own: Int64(index) * 40_000)
        }
        #expect(since == nil)
    }

    @Test("clocks between which the thread did something else tell nothing")
    func disturbed() {
        var rest = ProcessRest()
        #expect(Self.read(&rest, at: 0, others: 70_000, own: 0) == nil)
        #expect(Self.read(&rest, at: 50, others: 70_000, own: 40_000, clock: 5_000) == nil)
        #expect(Self.read(&rest, at: 100, others: 70_000, own: 80_000) == nil)
        #expect(Self.read(&rest, at: 150, others: 70_000, own: 120_000) == at(100))
    }

    @Test("what comes between the two clocks is not taken for rest")
    func disturbedLater() {
        var rest = ProcessRest()
        #expect(Self.read(&rest, at: 0, others: 70_000, own: 0) == nil)
        #expect(rest.read(own: (40_000, 40_800), process: 40_800 + 70_000 + 9_000, at: at(50)) == nil)
        // The next, without it, is lower: as much may have run since the one before.
        #expect(Self.read(&rest, at: 100, others: 70_000, own: 80_000) == nil)
        #expect(Self.read(&rest, at: 150, others: 70_000, own: 120_000) == at(100))
    }
}
