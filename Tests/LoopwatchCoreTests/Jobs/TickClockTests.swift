// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// From ticks to instants.
@Suite("Clock of accounting")
struct TickClockTests {
    @Test("close to the latest reading it is exact to the nanosecond, on both sides of it")
    func exact() {
        var clock = TickClock(nanosecondsOfTick: 0.4, ticks: 1_000, instant: at(0))
        #expect(clock.instant(ofTicks: 1_000) == at(0))
        #expect(clock.instant(ofTicks: 1_005).nanoseconds == 2)
        #expect(clock.instant(ofTicks: 995).nanoseconds == -2)
        // Ten days later, where a number of ticks has more digits than a Double.
        let ticks: UInt64 = 9_007_199_254_740_993
        clock.synchronize(ticks: ticks, instant: at(864_000_000))
        #expect(clock.instant(ofTicks: ticks) == at(864_000_000))
        #expect(clock.instant(ofTicks: ticks - 1_000_000) < clock.instant(ofTicks: ticks - 999_990))
    }

    @Test("a tick before it was read, and before the first reading, lies before it")
    func before() {
        let clock = TickClock(nanosecondsOfTick: 1, ticks: 10, instant: at(5))
        #expect(clock.instant(ofTicks: 0).nanoseconds == at(5).nanoseconds - 10)
        #expect(clock.instant(ofTicks: .max).nanoseconds == at(5).nanoseconds - 11, "the counter may wrap")
    }

    @Test("the ratio follows what is read, once that is far enough apart to tell it better")
    func ratio() {
        var clock = TickClock(nanosecondsOfTick: 0.5, ticks: 0, instant: at(0))
        clock.synchronize(ticks: 100, instant: at(1))
        #expect(clock.nanoseconds(ofTicks: 1_000) == 500)
        clock.synchronize(ticks: 2_500_000_000, instant: at(1_000))
        #expect(clock.nanoseconds(ofTicks: 1_000) == 400)
        #expect(clock.ticks(ofNanoseconds: 400) == 1_000)
        #expect(clock.instant(ofTicks: 2_500_000_000 - 2_500_000) == at(999))
        // A counter that stands still or goes back tells nothing.
        clock.synchronize(ticks: 0, instant: at(3_000))
        #expect(clock.nanoseconds(ofTicks: 1_000) == 400)
    }

    @Test("lengths beyond the range stay at its ends")
    func overflow() {
        let clock = TickClock(nanosecondsOfTick: 1_000, ticks: 0, instant: at(0))
        #expect(clock.nanoseconds(ofTicks: .max) == .max && clock.nanoseconds(ofTicks: .min) == .min)
        #expect(clock.ticks(ofNanoseconds: -5) == 0)
        let fine = TickClock(nanosecondsOfTick: 1e-9, ticks: 0, instant: at(0))
        #expect(fine.ticks(ofNanoseconds: .max) == 1_000_000_000_000_000_000)
    }

    @Test(
        "an instant beyond the range stays at its end",
        arguments: [(UInt64(1) << 62, true), (UInt64(3) << 62, false)]
    )
    func farAway(_ ticks: UInt64, _ isLater: Bool) {
        let clock = TickClock(nanosecondsOfTick: 1_000, ticks: 0, instant: at(isLater ? 1_000 : -1_000))
        #expect(clock.instant(ofTicks: ticks).nanoseconds == (isLater ? .max : .min))
    }
}
