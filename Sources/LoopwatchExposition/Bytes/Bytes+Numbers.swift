// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Appends the UTF-8 bytes of a text as they are.
    mutating func append(text: String) {
        append(contentsOf: text.utf8)
    }

    /// Appends some bytes of an array, which is not retained for it: that costs as much as the copy of a word.
    @inline(__always)
    mutating func append(copyOf bytes: [UInt8], _ range: Range<Int>? = nil) {
        bytes.withUnsafeBufferPointer { all in
            append(contentsOf: range.map { UnsafeBufferPointer(rebasing: all[$0]) } ?? all)
        }
    }

    /// Appends a number in decimal digits, filled up with zeros on the left to at least `width` digits.
    mutating func append(decimal value: UInt64, width: Int = 1) {
        if value < 10, width <= 1 { return append(UInt8(truncatingIfNeeded: value) + 0x30) }
        let most = Swift.max(width, Self.decimalDigitsMost)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: most) { digits in
            var place = most
            var rest = value
            while rest > 0 || most - place < width {
                place -= 1
                digits[place] = UInt8(truncatingIfNeeded: rest % 10) + 0x30
                rest /= 10
            }
            append(contentsOf: digits[place...])
        }
    }

    /// Digits of the highest number of 64 bits.
    private static var decimalDigitsMost: Int { 20 }

    /// Appends a number in decimal digits, with a minus sign where it is negative.
    mutating func append(decimal value: Int64) {
        if value < 0 { append(0x2D) }
        append(decimal: value.magnitude)
    }

    /// Appends a decimal fraction exactly, without trailing zeros.
    ///
    /// - Parameters:
    ///   - value: the number multiplied by ten to the power of `digits`.
    ///   - digits: how many of the value's digits stand behind the point.
    ///   - keepsPoint: whether a whole number is written with `.0`.
    mutating func append(fraction value: Int64, digits: Int, keepsPoint: Bool = false) {
        if value == 0 { return append(text: keepsPoint ? "0.0" : "0") }
        var scale: UInt64 = 1
        for _ in 0..<digits { scale *= 10 }
        if value < 0 { append(0x2D) }
        let magnitude = value.magnitude
        append(decimal: magnitude / scale)
        var fraction = magnitude % scale
        var width = digits
        if fraction == 0 {
            if keepsPoint { append(text: ".0") }
            return
        }
        while fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        append(0x2E)
        append(decimal: fraction, width: width)
    }

    /// Appends nanoseconds as seconds, exactly: `12.625`, `1.0`.
    mutating func append(secondsOfNanoseconds nanoseconds: Int64) {
        append(fraction: nanoseconds, digits: 9, keepsPoint: true)
    }

    /// Appends nanoseconds as milliseconds with up to three decimals, rounded to the nearest microsecond.
    package mutating func append(jsonMillisecondsOfNanoseconds nanoseconds: Int64) {
        let (microseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000)
        append(fraction: microseconds + (rest >= 500 ? 1 : rest <= -500 ? -1 : 0), digits: 3)
    }

    /// Appends a floating-point number as both metric formats write it, with `+Inf`, `-Inf` and `NaN`.
    mutating func append(number value: Double) {
        if value.isNaN {
            append(text: "NaN")
        } else if value.isInfinite {
            append(text: value < 0 ? "-Inf" : "+Inf")
        } else {
            append(text: value.description)
        }
    }

    /// Appends four hexadecimal digits, as escapes of control characters need them.
    mutating func append(fourHexadecimalDigits value: UInt32) {
        for shift in [12, 8, 4, 0] as [UInt32] {
            let digit = UInt8(truncatingIfNeeded: (value >> shift) & 0xF)
            append(digit < 10 ? digit + 0x30 : digit + 0x57)
        }
    }
}
