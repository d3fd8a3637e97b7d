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
        rest.read(own: (own, own + clock), process: others + own + 2 * clock, at: at(milliseconds)) { own + 3 * clock }
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

    @Test("a first clock that takes long, as after a sleep, hides nothing where the process's tells the same")
    func coldClock() {
        var rest = ProcessRest()
        func read(at milliseconds: Double, own: Int64, others: Int64) -> MonotonicInstant? {
            rest.read(own: (own, own + 5_000), process: own + 5_000 + others, at: at(milliseconds)) { own + 7_000 }
        }
        #expect(read(at: 0, own: 1_000, others: 70_000) == nil)
        #expect(read(at: 50, own: 90_000, others: 70_000) == at(0))
        #expect(read(at: 100, own: 190_000, others: 82_000) == nil)
        #expect(read(at: 150, own: 290_000, others: 82_000) == at(100))
    }

    @Test("a reading of two clocks confirms rest; one that does not is none, and changes nothing")
    func confirms() {
        var rest = ProcessRest()
        #expect(rest.confirm(own: 1_000, process: 71_000) == nil)
        #expect(Self.read(&rest, at: 0, others: 70_000, own: 1_000) == nil)
        #expect(rest.confirm(own: 41_000, process: 111_800) == at(0))
        #expect(rest.confirm(own: 81_000, process: 155_000) == nil)
        #expect(rest.confirm(own: 81_000, process: 151_800) == at(0))
        #expect(Self.read(&rest, at: 100, others: 73_000, own: 91_000) == nil)
        #expect(rest.confirm(own: 121_000, process: 194_800) == at(100))
    }

    @Test("what comes between the two clocks is not taken for rest")
    func disturbedLater() {
        var rest = ProcessRest()
        #expect(Self.read(&rest, at: 0, others: 70_000, own: 0) == nil)
        #expect(rest.read(own: (40_000, 40_800), process: 40_800 + 70_000 + 9_000, at: at(50)) { 50_600 } == nil)
        // The next, without it, is lower: as much may have run since the one before.
        #expect(Self.read(&rest, at: 100, others: 70_000, own: 80_000) == nil)
        #expect(Self.read(&rest, at: 150, others: 70_000, own: 120_000) == at(100))
    }
}
