// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads a code object's table of positions (PEP 657; Objects/locations.md of CPython 3.11 and later).
enum PythonLines {
    /// The line of an instruction; `nil` if it has none, or the table is not sound.
    ///
    /// - Parameters:
    ///   - table: the table.
    ///   - firstLine: the line that the code object begins at.
    ///   - instruction: the instruction, counted in units of two bytes.
    static func line(in table: [UInt8], firstLine: Int, instruction: Int) -> Int? {
        guard instruction >= 0 else { return firstLine }
        var reader = Reader(table: table)
        var line = firstLine
        var lastKnown: Int?
        var start = 0
        while let first = reader.next() {
            guard first & 0x80 != 0 else { return nil }
            let units = Int(first & 7) + 1
            var hasLine = true
            switch first >> 3 & 15 {
            // No position at all.
            case 15: hasLine = false
            // A line and columns, all of any size.
            case 14:
                guard let delta = reader.signed(), reader.skipNumbers(3) else { return nil }
                line &+= delta
            case 13:
                guard let delta = reader.signed() else { return nil }
                line &+= delta
            // One line; columns in two bytes.
            case let kind where kind >= 10:
                guard reader.next() != nil, reader.next() != nil else { return nil }
                line &+= Int(kind) - 10
            // The same line; columns in one byte.
            default: guard reader.next() != nil else { return nil }
            }
            if instruction < start + units { return hasLine ? line : lastKnown }
            if hasLine { lastKnown = line }
            start += units
        }
        return lastKnown
    }

    private struct Reader {
        let table: [UInt8]
        var index = 0

        mutating func next() -> UInt8? {
            guard index < table.count else { return nil }
            defer { index += 1 }
            return table[index]
        }

        /// A number in pieces of six bits, the lowest first; bit 6 says that another follows.
        mutating func unsigned() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = next() {
                if shift < 60 { value |= UInt64(byte & 63) << shift }
                shift += 6
                if byte & 64 == 0 { return value }
            }
            return nil
        }

        /// The same with the sign in bit 0.
        mutating func signed() -> Int? {
            guard let value = unsigned() else { return nil }
            let amount = Int(value >> 1)
            return value & 1 == 1 ? -amount : amount
        }

        mutating func skipNumbers(_ count: Int) -> Bool {
            for _ in 0..<count where unsigned() == nil { return false }
            return true
        }
    }
}
