// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchTestSupport
import Testing

@Suite("How often the watchdog looks")
struct LookPaceTests {
    private var pace = LookPace()

    /// A second in which the watchdog used a share of a CPU.
    private mutating func second(_ share: Double, hasReported: Bool = false) {
        pace.take(
            cpuNanoseconds: Int64(share * 1e9),
            elapsedNanoseconds: 1_000_000_000,
            hasReported: hasReported
        )
    }

    @Test("below its share it looks once a resolution")
    mutating func below() {
        for _ in 0..<10 { second(Limits.watchdogCPUShareMost * 0.99) }
        #expect(pace.stretch == 1)
    }

    @Test("above its share it looks less often, until it keeps to it, and comes to rest there")
    mutating func above() {
        var stretches: [Double] = []
        for _ in 0..<20 {
            second(0.015 / pace.stretch)
            stretches.append(pace.stretch)
        }
        #expect(0.015 / pace.stretch <= Limits.watchdogCPUShareMost + 1e-9)
        #expect(stretches.suffix(10).allSatisfy { $0 == pace.stretch })
        #expect(pace.stretch < 3.2)
        #expect(stretches[0] == 2, "no more than twice as long at once")
    }

    @Test("it never looks less often than the limit, and looks often again once that costs little")
    mutating func limits() {
        for _ in 0..<50 { second(0.9) }
        #expect(pace.stretch == 5)
        var seconds = 0
        while pace.stretch > 1, seconds < 100 {
            second(0.001 / pace.stretch)
            seconds += 1
        }
        #expect(pace.stretch == 1 && (20...40).contains(seconds))
    }

    @Test("load of one second in three has the pace of load without a pause")
    mutating func burst() {
        var shares: [Double] = []
        for _ in 0..<20 {
            shares.append(0.015 / pace.stretch)
            second(0.015 / pace.stretch)
            for _ in 0..<2 { second(0.0005) }
        }
        #expect(shares.suffix(10).allSatisfy { $0 < Limits.watchdogCPUShareMost * 1.25 })
    }

    @Test("what captures of blocks cost is no reason to look less often")
    mutating func reported() {
        for _ in 0..<10 { second(0.05, hasReported: true) }
        #expect(pace.stretch == 1)
        second(0.05)
        #expect(pace.stretch == 2)
    }

    @Test("whoever watches other processes has a share of its own")
    mutating func share() {
        pace = LookPace(shareMost: Limits.remoteCPUShareMost)
        for _ in 0..<10 { second(Limits.remoteCPUShareMost * 0.99) }
        #expect(pace.stretch == 1)
        for _ in 0..<10 { second(0.011 / pace.stretch) }
        #expect(pace.stretch > 1.2 && 0.011 / pace.stretch <= Limits.remoteCPUShareMost + 1e-9)
    }

    @Test(
        "looks at a loop in its wait leave time to prove a block of a threshold",
        arguments: [(1.0, 50.0, 15.0), (1.2, 50, 18), (5, 50, 20), (5, 100, 40), (5, 10, 7.5)]
    )
    func waiting(stretch: Double, threshold: Double, expected: Double) {
        let policy = DetectionPolicy(
            resolutionNanoseconds: .milliseconds(10),
            thresholds: Thresholds(warning: .milliseconds(threshold))
        )
        #expect(policy.waitingLookNanoseconds(stretchedBy: stretch) == .milliseconds(expected))
    }

    @Test("no time at all tells nothing")
    mutating func noTime() {
        pace.take(cpuNanoseconds: 1_000_000, elapsedNanoseconds: 0, hasReported: false)
        #expect(pace.stretch == 1)
    }

    @Test("a threshold's limit holds, whatever the factor", arguments: [(5.0, 10.0, 20.0), (2, 10, 20), (5, 30, 30)])
    func time(stretch: Double, resolution: Double, expected: Double) {
        let policy = DetectionPolicy(
            resolutionNanoseconds: .milliseconds(resolution),
            thresholds: Thresholds(warning: .milliseconds(50))
        )
        let looks = policy.lookNanoseconds(stretchedBy: stretch)
        #expect(looks == (resolution == 30 ? .milliseconds(25) : .milliseconds(expected)))
        #expect(policy.lookNanoseconds(stretchedBy: 1) == policy.lookNanoseconds)
    }
}
