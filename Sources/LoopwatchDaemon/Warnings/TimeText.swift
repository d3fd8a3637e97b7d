// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// A moment as people and logs write it, or how long ago it was.
enum TimeText: Equatable {
    /// A moment, in Unix nanoseconds.
    case at(unixNanoseconds: Int64)
    /// A time before now, in nanoseconds.
    case ago(nanoseconds: Int64)

    /// What is expected, for messages.
    static let expected = "a time such as 2026-11-22T19:00:00Z, or a duration such as 1h"

    /// Reads an RFC 3339 time (seconds and zone may be left out, the zone is then UTC), a date, or a duration.
    init?(_ text: String) {
        if let duration = DurationText.parse(text) {
            self = .ago(nanoseconds: duration.wholeNanoseconds)
        } else if let nanoseconds = Self.unixNanoseconds(of: text) {
            self = .at(unixNanoseconds: nanoseconds)
        } else {
            return nil
        }
    }

    /// The moment, in Unix nanoseconds.
    func unixNanoseconds(now: Int64) -> Int64 {
        switch self {
        case .at(let nanoseconds): nanoseconds
        case .ago(let nanoseconds): now - nanoseconds
        }
    }

    /// Reads an RFC 3339 time; `nil` for what is none.
    static func unixNanoseconds(of text: some StringProtocol) -> Int64? {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.number(digits: 4), scanner.take("-"), let month = scanner.number(digits: 2),
            scanner.take("-"), let day = scanner.number(digits: 2), (1...12).contains(month),
            (1...Self.days(of: month, in: year)).contains(day), (1_970...2_200).contains(year)
        else { return nil }
        var nanoseconds = Self.days(since1970: year, month, day) * 86_400 * 1_000_000_000
        if scanner.isAtEnd { return nanoseconds }
        guard scanner.take("T") || scanner.take("t") || scanner.take(" "), let hour = scanner.number(digits: 2),
            scanner.take(":"), let minute = scanner.number(digits: 2), hour < 24, minute < 60
        else { return nil }
        nanoseconds += (hour * 3_600 + minute * 60) * 1_000_000_000
        if scanner.take(":") {
            guard let second = scanner.number(digits: 2), second <= 60 else { return nil }
            nanoseconds += second * 1_000_000_000
            if scanner.take(".") || scanner.take(",") {
                guard let fraction = scanner.fraction() else { return nil }
                nanoseconds += fraction
            }
        }
        if scanner.isAtEnd || ((scanner.take("Z") || scanner.take("z")) && scanner.isAtEnd) { return nanoseconds }
        let isWest = scanner.take("-")
        guard isWest || scanner.take("+"), let hours = scanner.number(digits: 2), scanner.take(":"),
            let minutes = scanner.number(digits: 2), hours < 24, minutes < 60, scanner.isAtEnd
        else { return nil }
        let offset = (hours * 3_600 + minutes * 60) * 1_000_000_000
        return isWest ? nanoseconds + offset : nanoseconds - offset
    }

    /// Days of a month.
    private static func days(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Days from 1970-01-01 to a date, by years that begin on 1 March.
    private static func days(since1970 year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Reads numbers of a fixed width.
    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        var isAtEnd: Bool { index == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        mutating func number(digits: Int) -> Int64? {
            guard index + digits <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[index..<index + digits] {
                guard (48...57).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            index += digits
            return value
        }

        /// The digits after the point, as nanoseconds.
        mutating func fraction() -> Int64? {
            var value: Int64 = 0
            var scale: Int64 = 100_000_000
            let start = index
            while index < bytes.count, (48...57).contains(bytes[index]) {
                value += Int64(bytes[index] - 48) * scale
                scale /= 10
                index += 1
            }
            return index > start ? value : nil
        }
    }
}
