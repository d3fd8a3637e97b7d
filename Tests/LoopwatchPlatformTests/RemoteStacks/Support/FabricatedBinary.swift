// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@testable import LoopwatchPlatform

/// A binary made by a test, as its file has it: headers, two symbol tables, a build identifier.
struct FabricatedBinary {
    /// An entry of a symbol table.
    struct Symbol {
        var name: String
        var address: UInt64
        var count: UInt64
        var type: UInt8 = 2
        var section: UInt16 = 1
    }

    var symbols: [Symbol] = []
    var dynamicSymbols: [Symbol] = []
    var buildIdentifier: [UInt8] = [1, 2, 3, 4]

    /// The file's bytes.
    var bytes: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)
        func word<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
            (0..<MemoryLayout<Value>.size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func place(_ new: [UInt8], at offset: Int) { bytes.replaceSubrange(offset..<offset + new.count, with: new) }
        place(ELFHeader.magic + [1], at: 0)
        // Program headers: one segment of code at 0x1000, one note.
        let noteOffset = 64 + 2 * 56
        let note =
            word(UInt32(4)) + word(UInt32(buildIdentifier.count)) + word(UInt32(3)) + [0x47, 0x4e, 0x55, 0]
            + buildIdentifier
        func program(_ type: UInt32, _ offset: Int, _ address: Int, _ count: Int) -> [UInt8] {
            word(type) + word(UInt32(5)) + word(UInt64(offset)) + word(UInt64(address)) + word(UInt64(address))
                + word(UInt64(count)) + word(UInt64(count)) + word(UInt64(4))
        }
        bytes += program(1, 0, 0x1000, 0x4000) + program(4, noteOffset, 0x1000 + noteOffset, note.count)
        bytes += note
        while bytes.count % 8 != 0 { bytes.append(0) }
        var sections: [(type: UInt32, offset: Int, count: Int, link: Int, entry: Int)] = [(0, 0, 0, 0, 0)]
        for (type, table) in [(UInt32(2), symbols), (UInt32(11), dynamicSymbols)] where !table.isEmpty {
            var names: [UInt8] = [0]
            var entries: [UInt8] = []
            for symbol in table {
                entries += word(UInt32(names.count)) + [symbol.type | 0x10, 0] + word(symbol.section)
                entries += word(symbol.address) + word(symbol.count)
                names += Array(symbol.name.utf8) + [0]
            }
            sections.append((type, bytes.count, entries.count, sections.count + 1, 24))
            bytes += entries
            sections.append((3, bytes.count, names.count, 0, 0))
            bytes += names
            while bytes.count % 8 != 0 { bytes.append(0) }
        }
        place(word(UInt64(64)), at: 32)
        place(word(UInt64(bytes.count)), at: 40)
        place(word(UInt16(56)) + word(UInt16(2)) + word(UInt16(64)) + word(UInt16(sections.count)), at: 54)
        for section in sections {
            bytes += word(UInt32(0)) + word(section.type) + word(UInt64(0)) + word(UInt64(0))
            bytes += word(UInt64(section.offset)) + word(UInt64(section.count)) + word(UInt32(section.link))
            bytes += word(UInt32(0)) + word(UInt64(8)) + word(UInt64(section.entry))
        }
        return bytes
    }

    /// The file as memory, from 0 on.
    var file: FabricatedMemory {
        let memory = FabricatedMemory()
        memory.put(bytes, at: 0)
        return memory
    }
}
