// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads words and `key=value` fields of a line, with values quoted as the log quotes them.
struct LogfmtFields {
    private var rest: ArraySlice<UInt8>
    private let isComplete: Bool

    /// Begins to read.
    ///
    /// - Parameters:
    ///   - bytes: what is left of the line.
    ///   - isComplete: whether the line has its end; of one that is cut off the last field is left out.
    init(_ bytes: ArraySlice<UInt8>, isComplete: Bool) {
        rest = bytes
        self.isComplete = isComplete
    }

    /// The next word; `nil` at a field, and at the end.
    mutating func word() -> String? {
        let word = rest.prefix { $0 != 0x20 }
        guard !word.isEmpty, !word.contains(0x3D) else { return nil }
        rest = rest.dropFirst(word.count + 1)
        return String(decoding: word, as: UTF8.self)
    }

    /// All fields that follow; of one that is there twice, the first.
    consuming func fields() -> [String: String] {
        var fields: [String: String] = [:]
        while !rest.isEmpty {
            let key = rest.prefix { $0 != 0x3D && $0 != 0x20 }
            rest = rest.dropFirst(key.count)
            guard rest.first == 0x3D else {
                // A word that is no field.
                rest = rest.dropFirst()
                continue
            }
            rest = rest.dropFirst()
            guard let value = value() else { break }
            let name = String(decoding: key, as: UTF8.self)
            if fields[name] == nil { fields[name] = value }
        }
        return fields
    }

    /// The value that begins here; `nil` where it is cut off.
    private mutating func value() -> String? {
        guard rest.first == 0x22 else {
            let bare = rest.prefix { $0 != 0x20 }
            rest = rest.dropFirst(bare.count)
            if rest.isEmpty, !isComplete { return nil }
            rest = rest.dropFirst()
            return String(decoding: bare, as: UTF8.self)
        }
        rest = rest.dropFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case 0x22:
                rest = rest.dropFirst()
                return String(decoding: bytes, as: UTF8.self)
            case 0x5C:
                guard let escape = rest.popFirst() else { return nil }
                switch escape {
                case UInt8(ascii: "n"): bytes.append(0x0A)
                case UInt8(ascii: "r"): bytes.append(0x0D)
                case UInt8(ascii: "t"): bytes.append(0x09)
                case UInt8(ascii: "u"):
                    guard
                        let scalar = UInt32(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16)
                            .flatMap({ Unicode.Scalar($0) })
                    else { return nil }
                    rest = rest.dropFirst(4)
                    bytes += Array(String(scalar).utf8)
                default: bytes.append(escape)
                }
            default: bytes.append(byte)
            }
        }
        return nil
    }
}
