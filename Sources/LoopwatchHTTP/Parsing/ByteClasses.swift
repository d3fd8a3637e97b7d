// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Classes of bytes in the grammar of HTTP (RFC 9110 section 5.6, RFC 9112).
extension UInt8 {
    /// The second half of what ends a line.
    static let lineFeed: UInt8 = 0x0A
    /// The first half of what ends a line.
    static let carriageReturn: UInt8 = 0x0D
    /// What separates the parts of a request line.
    static let space: UInt8 = 0x20
    /// What a field's value may have instead of a space.
    static let tab: UInt8 = 0x09

    /// Whether the byte may be part of a method or of a field's name.
    var isToken: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"): true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"): true
        case UInt8(ascii: "|"), UInt8(ascii: "~"): true
        default: isDigit
        }
    }

    /// Whether the byte is a decimal digit.
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

    /// Whether the byte is ASCII and visible.
    var isVisible: Bool { (0x21...0x7E).contains(self) }

    /// Whether the byte may be part of a field's value.
    var isFieldValue: Bool { self == .tab || (self >= 0x20 && self != 0x7F) }

    /// The value of a hexadecimal digit; `nil` for another byte.
    var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
