// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A moment in UTC as a calendar and a clock show it; without leap seconds, like Unix time.
struct CivilTime: Equatable {
    /// Year of the Gregorian calendar.
    var year: Int64
    /// Month, from 1.
    var month: Int64
    /// Day of the month, from 1.
    var day: Int64
    /// Hour, 0 to 23.
    var hour: Int64
    /// Minute, 0 to 59.
    var minute: Int64
    /// Second, 0 to 59.
    var second: Int64
    /// Millisecond, 0 to 999; what lies below is cut off.
    var millisecond: Int64

    /// Creates the civil time of a Unix time in nanoseconds; every `Int64` has one (1677 to 2262).
    ///
    /// Counts in eras of 400 years that begin on 1 March, so that the leap day is the last day of a year.
    init(unixNanoseconds: Int64) {
        let milliseconds = Self.floor(unixNanoseconds, by: 1_000_000).quotient
        let (seconds, millisecond) = Self.floor(milliseconds, by: 1_000)
        let (days, secondOfDay) = Self.floor(seconds, by: 86_400)
        self.millisecond = millisecond
        hour = secondOfDay / 3_600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60

        // 1970-01-01 is day 719,468 since 0000-03-01; an era has 146,097 days.
        let (era, dayOfEra) = Self.floor(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Divides so that the remainder is never negative.
    private static func floor(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension [UInt8] {
    /// Appends a Unix time as RFC 3339 in UTC with milliseconds: `2026-11-22T19:00:01.123Z`.
    package mutating func append(timestampOfUnixNanoseconds unixNanoseconds: Int64) {
        let time = CivilTime(unixNanoseconds: unixNanoseconds)
        append(decimal: time.year.magnitude, width: 4)
        append(0x2D)
        append(decimal: time.month.magnitude, width: 2)
        append(0x2D)
        append(decimal: time.day.magnitude, width: 2)
        append(0x54)
        append(decimal: time.hour.magnitude, width: 2)
        append(0x3A)
        append(decimal: time.minute.magnitude, width: 2)
        append(0x3A)
        append(decimal: time.second.magnitude, width: 2)
        append(0x2E)
        append(decimal: time.millisecond.magnitude, width: 3)
        append(0x5A)
    }
}
