// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchExposition

@Suite("Civil time")
struct CivilTimeTests {
    @Test(
        "known moments",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_000_000, "1970-01-01T00:00:00.001Z"),
            (1_795_376_089_924_999_999, "2026-11-22T19:34:49.924Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000_000_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_799_999_000_000, "2024-02-28T23:59:59.999Z"),
            (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000Z"),
            (1_709_251_200_000_000_000, "2024-03-01T00:00:00.000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (4_107_456_000_000_000_000, "2100-02-28T00:00:00.000Z"),
            (1_735_689_599_999_999_999, "2024-12-31T23:59:59.999Z"),
            (1_735_689_600_000_000_000, "2025-01-01T00:00:00.000Z"),
            (.max, "2262-04-11T23:47:16.854Z"),
            (.min, "1677-09-21T00:12:43.145Z"),
        ] as [(Int64, String)]
    )
    func known(_ unixNanoseconds: Int64, _ expected: String) {
        var bytes: [UInt8] = []
        bytes.append(timestampOfUnixNanoseconds: unixNanoseconds)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test("every day from 1678 to 2261 follows the one before it")
    func everyDay() {
        let day: Int64 = 86_400_000_000_000
        var previous = CivilTime(unixNanoseconds: -106_000 * day)
        for number in -105_999...106_000 as ClosedRange<Int64> {
            let time = CivilTime(unixNanoseconds: number * day)
            let isLeapYear = previous.year % 4 == 0 && (previous.year % 100 != 0 || previous.year % 400 == 0)
            let lengths: [Int64] = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            var expected = previous
            expected.day += 1
            if expected.day > lengths[Int(previous.month) - 1] {
                expected.day = 1
                expected.month += 1
            }
            if expected.month > 12 {
                expected.month = 1
                expected.year += 1
            }
            guard time == expected else {
                Issue.record("\(time) after \(previous)")
                return
            }
            previous = time
        }
    }
}
