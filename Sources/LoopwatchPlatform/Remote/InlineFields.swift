// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads the numbers of a line of /proc one after the other, without allocating anything.
struct InlineFields {
    private let line: UnsafeRawBufferPointer
    private var place = 0

    /// Begins with the first number; the line has to outlive this.
    init(_ line: UnsafeRawBufferPointer) { self.line = line }

    /// The next number, in decimal digits; `nil` if there is none.
    mutating func decimal() -> UInt64? { number(radix: 10) }

    /// The next number, in hexadecimal digits after `0x`; `nil` if there is none.
    mutating func hexadecimal() -> UInt64? {
        skipSpaces()
        guard place + 1 < line.count, line[place] == UInt8(ascii: "0"), line[place + 1] == UInt8(ascii: "x") else {
            return nil
        }
        place += 2
        return number(radix: 16)
    }

    private mutating func skipSpaces() {
        while place < line.count, line[place] == 32 { place += 1 }
    }

    private mutating func number(radix: UInt64) -> UInt64? {
        skipSpaces()
        var value: UInt64 = 0
        var digits = 0
        while place < line.count, line[place] != 32, line[place] != 10 {
            let digit: UInt64
            switch line[place] {
            case let byte where byte >= 48 && byte <= 57: digit = UInt64(byte - 48)
            case let byte where byte >= 97 && byte <= 102: digit = UInt64(byte - 87)
            default: return nil
            }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: radix)
            let (sum, isOver) = product.addingReportingOverflow(digit)
            guard digit < radix, !isTooLarge, !isOver else { return nil }
            value = sum
            digits += 1
            place += 1
        }
        return digits > 0 ? value : nil
    }
}
