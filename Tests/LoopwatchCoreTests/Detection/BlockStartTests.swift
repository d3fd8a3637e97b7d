// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Where a block is held to have begun.
@Suite("Block start")
struct BlockStartTests {
    private func estimate(
        active: Double?,
        sleepingSince: Double? = nil,
        call: BlockingCall? = nil,
        latest: Double = 75
    ) -> MonotonicInstant {
        BlockStart.estimate(
            lastFree: at(0),
            activeNanoseconds: active.map { .milliseconds($0) },
            observation: Observation(
                instant: at(75),
                progress: .busy,
                sleepingSince: sleepingSince.map { at($0) },
                call: call
            ),
            latest: at(latest)
        )
    }

    @Test("without evidence it is the middle between the last proof and the latest possible")
    func middle() {
        #expect(estimate(active: nil) == at(37.5))
        #expect(estimate(active: nil, latest: 20) == at(10))
    }

    @Test("a thread that runs began as long ago as it computed")
    func computing() {
        #expect(estimate(active: 30) == at(45))
        #expect(estimate(active: 0) == at(75))
    }

    @Test("a thread that sleeps began as long before its sleep as it computed")
    func sleeping() {
        #expect(estimate(active: 5, sleepingSince: 40) == at(35))
        #expect(estimate(active: nil, sleepingSince: 40) == at(40))
        #expect(estimate(active: 5, call: BlockingCall(name: "read", isLock: false)) == at(37.5))
    }

    @Test("it lies between the last proof and the latest possible, whatever the clocks say")
    func bounds() {
        #expect(estimate(active: 200) == at(0))
        #expect(estimate(active: -30) == at(75))
        #expect(estimate(active: 0, sleepingSince: 90) == at(75))
        #expect(estimate(active: 0, sleepingSince: -10) == at(0))
        // A latest that lies before the last proof gives way.
        #expect(estimate(active: nil, latest: -20) == at(0))
    }

    @Test("a thread that was never seen before has been at its job for at most as long as it was at anything")
    func newThread() throws {
        let active = try #require(
            BlockStart.activeAtMost(
                computed: .milliseconds(17),
                delayed: .milliseconds(2),
                sinceFree: .milliseconds(48)
            )
        )
        #expect(active.computed == .milliseconds(17) && active.delayed == .milliseconds(2))
        #expect(
            BlockStart.activeAtMost(
                computed: .milliseconds(40),
                delayed: .milliseconds(9),
                sinceFree: .milliseconds(48)
            )
                == nil
        )
    }
}
