// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Durations as text and as nanoseconds.
@Suite("Durations")
struct DurationTests {
    @Test(
        "a whole number and a unit are a duration",
        arguments: [
            ("1us", 1_000), ("100ms", 100_000_000), ("5s", 5_000_000_000), ("2m", 120_000_000_000),
            ("1h", 3_600_000_000_000), ("1d", 86_400_000_000_000), ("0s", 0), ("007ms", 7_000_000),
            ("9223372036854775us", 9_223_372_036_854_775_000),
        ] as [(String, Int64)]
    )
    func good(_ text: String, nanoseconds: Int64) {
        #expect(DurationText.parse(text) == .nanoseconds(nanoseconds))
    }

    @Test(
        "anything else is not",
        arguments: [
            "", "5", "ms", "-5ms", "+5ms", "5 ms", " 5ms", "5ms ", "5.0ms", "1e3ms", "5MS", "5sec", "5mss", "٥ms",
            "５ms",
            "9223372036854776us", "106752d", "99999999999999999999s", "0x5ms", "5\u{0}ms", "1h30m",
        ]
    )
    func bad(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test("durations beyond the range of nanoseconds stay at its ends")
    func saturation() {
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
        #expect((Duration.nanoseconds(Int64.max) + .seconds(1)).wholeNanoseconds == .max)
        #expect(Duration.nanoseconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.nanoseconds(-1_500_000_000).wholeNanoseconds == -1_500_000_000)
        #expect(Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999).wholeNanoseconds == 1)
    }

    @Test("instants are ordered, and their distances signed")
    func instants() {
        #expect(at(1) < at(2) && !(at(2) < at(1)))
        #expect(at(1).nanoseconds(since: at(3)) == .milliseconds(-2))
        #expect(at(1).advanced(byNanoseconds: .milliseconds(-2)) == at(-1))
    }
}
