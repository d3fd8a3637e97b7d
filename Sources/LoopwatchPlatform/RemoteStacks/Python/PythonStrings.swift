// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads strings of CPython.
struct PythonStrings<Memory: ReadableMemory> {
    let memory: Memory
    let layout: PythonLayout
    /// Address of `PyUnicode_Type`; 0 where it is not known.
    let stringType: UInt64
    /// Address of `PyBytes_Type`; 0 where it is not known.
    let bytesType: UInt64

    /// A string (PEP 393), cut to a number of characters; `nil` if it is none.
    func string(at address: UInt64) -> String? {
        guard hasType(stringType, at: address),
            let header = RecordBytes(memory, at: address, count: max(layout.stringState + 4, layout.stringLength + 8))
        else { return nil }
        let state = header.field(UInt32.self, at: layout.stringState)
        let kind = Int(state >> 2 & 7)
        let isCompact = state >> 5 & 1 == 1
        let isASCII = state >> 6 & 1 == 1
        let length = header.word(at: layout.stringLength)
        guard isCompact, [1, 2, 4].contains(kind), !isASCII || kind == 1, length < 1 << 40 else { return nil }
        let count = Int(min(length, UInt64(RemoteStackLimits.pythonStringCharacters)))
        let start = address &+ UInt64(isASCII ? layout.asciiBytes : layout.compactBytes)
        guard let bytes = memory.bytes(at: start, count: count * kind) else { return nil }
        return Self.text(bytes, kind: kind)
    }

    /// Text of characters of 1, 2 or 4 bytes.
    private static func text(_ bytes: [UInt8], kind: Int) -> String? {
        var scalars = String.UnicodeScalarView()
        for start in stride(from: 0, to: bytes.count, by: kind) {
            var value: UInt32 = 0
            for offset in 0..<kind { value |= UInt32(bytes[start + offset]) << UInt32(8 * offset) }
            // Half a pair, as file names have that are not UTF-8, is no character.
            guard value <= 0x10ffff else { return nil }
            scalars.append(Unicode.Scalar(value) ?? "\u{fffd}")
        }
        return String(scalars)
    }

    /// Bytes; `nil` if there are none, or too many.
    func bytes(at address: UInt64, bytesMost: Int) -> [UInt8]? {
        guard hasType(bytesType, at: address), let length = memory.word(at: address &+ UInt64(layout.bytesLength)),
            length <= UInt64(bytesMost)
        else { return nil }
        return memory.bytes(at: address &+ UInt64(layout.bytesStart), count: Int(length))
    }

    /// Where an object has the address of its type: in its second word.
    static var typeOffset: Int { 8 }

    /// Whether an object is of a type.
    func hasType(_ type: UInt64, at address: UInt64) -> Bool {
        guard address != 0, address % 8 == 0 else { return false }
        return type == 0 || memory.word(at: address &+ UInt64(Self.typeOffset)) == type
    }
}
