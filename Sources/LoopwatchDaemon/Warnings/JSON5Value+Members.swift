// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Reading the values of a JSON document that a program wrote.
extension JSON5Value {
    /// Reads one JSON value; `nil` for what is none.
    init?(json bytes: some Sequence<UInt8>) {
        guard let text = String(validating: bytes, as: UTF8.self), let value = try? JSON5Reader.read(text) else {
            return nil
        }
        self = value
    }

    /// A member of an object.
    subscript(_ key: String) -> JSON5Value? {
        guard case .object(let members) = content else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The elements of a list; none of another value.
    var elements: [JSON5Value] {
        guard case .array(let values) = content else { return [] }
        return values
    }

    /// The text.
    var string: String? {
        guard case .string(let text) = content else { return nil }
        return text
    }

    /// The truth value.
    var boolean: Bool? {
        guard case .boolean(let value) = content else { return nil }
        return value
    }

    /// The number, as near as a double comes.
    var number: Double? {
        guard case .number(let text) = content, let number = Double(text), number.isFinite else { return nil }
        return number
    }

    /// The whole number.
    var integer: Int64? {
        guard case .number(let text) = content else { return nil }
        return Int64(text)
    }

    /// The whole number that is not negative.
    var unsigned: UInt64? {
        guard case .number(let text) = content else { return nil }
        return UInt64(text)
    }

    /// The number that a text such as `0x1f` stands for.
    var hexadecimal: UInt64? {
        guard let text = string, text.hasPrefix("0x") else { return nil }
        return UInt64(text.dropFirst(2), radix: 16)
    }

    /// Milliseconds as nanoseconds.
    var nanosecondsOfMilliseconds: Int64? {
        guard let number, number >= 0, number < 9e12 else { return nil }
        return Int64((number * 1_000_000).rounded())
    }
}
