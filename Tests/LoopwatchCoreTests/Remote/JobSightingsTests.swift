// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("At which jobs a loop was seen")
struct JobSightingsTests {
    /// What ten jobs in turn, each of a length in milliseconds, look like to looks at instants of milliseconds.
    private static func seen(jobsOf length: Double, at instants: [Double]) -> JobSightings {
        var seen = JobSightings(began: at(0))
        for instant in instants {
            seen.see(UInt64(instant / length), at: at(instant), thresholdNanoseconds: .milliseconds(50))
        }
        return seen
    }

    @Test("jobs that change are many, as long as none is seen for the threshold", arguments: [0.5, 15, 30, 45])
    func many(length: Double) {
        let seen = Self.seen(jobsOf: length, at: [20, 30.5, 40, 49.9, 60.5, 70, 80, 90.5])
        #expect(seen.isOfMany && !seen.isOfOne && seen.hasSeen)
    }

    @Test("a job that stays is one, and not of many before that is known")
    func one() {
        #expect(!Self.seen(jobsOf: 1_000, at: [20, 30, 40]).isOfMany)
        #expect(!Self.seen(jobsOf: 1_000, at: [20, 30, 40]).isOfOne)
        #expect(Self.seen(jobsOf: 1_000, at: [20, 30, 40, 50]).isOfOne)
        // When it began is not known of one that was not seen before.
        #expect(!Self.seen(jobsOf: 1_000, at: [40, 50, 80]).isOfOne)
        #expect(Self.seen(jobsOf: 1_000, at: [40, 50, 80, 90]).isOfOne)
    }

    @Test("a block that others follow in its iteration remains one")
    func othersAfterBlock() {
        let seen = Self.seen(jobsOf: 60, at: [20, 30, 40, 50, 61, 130])
        #expect(seen.isOfOne && !seen.isOfMany)
    }

    @Test("a job after others is one of many until it was seen for the threshold, and the block from then on")
    func blockAfterOthers() {
        var seen = JobSightings(began: at(0))
        seen.see(1, at: at(25), thresholdNanoseconds: .milliseconds(50))
        for instant in [35.0, 45, 55, 65, 75, 84.9] {
            seen.see(2, at: at(instant), thresholdNanoseconds: .milliseconds(50))
            #expect(seen.isOfMany && !seen.isOfOne)
        }
        seen.see(2, at: at(85), thresholdNanoseconds: .milliseconds(50))
        #expect(seen.isOfOne && !seen.isOfMany)
        // What comes after it does not change that.
        seen.see(3, at: at(95), thresholdNanoseconds: .milliseconds(50))
        #expect(seen.isOfOne && !seen.isOfMany)
    }

    @Test("what was never seen is neither")
    func none() {
        let seen = JobSightings(began: at(0))
        #expect(!seen.isOfMany && !seen.isOfOne && !seen.hasSeen)
    }
}
