// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The sections of an ELF file that hold symbols (System V ABI, chapter 4; 64 bits, little-endian).
struct ELFSections {
    /// A symbol table and the names that it refers to.
    struct SymbolTable {
        /// Where its symbols are in the file, 24 bytes each.
        var offset: UInt64
        /// Bytes of all symbols.
        var count: UInt64
        /// Where its names are.
        var namesOffset: UInt64
        /// Bytes of all names.
        var namesCount: UInt64
    }

    private enum SectionType {
        static let symbols: UInt32 = 2
        static let dynamicSymbols: UInt32 = 11
    }

    /// All symbols; `nil` where they were stripped.
    let symbols: SymbolTable?
    /// Those for dynamic linking.
    let dynamicSymbols: SymbolTable?

    /// Reads the table of sections; `nil` if the file is not ELF.
    init?(_ file: some ReadableMemory) {
        guard let start = file.bytes(at: 0, count: 64), start.starts(with: ELFHeader.magic),
            let header = RecordBytes(file, at: 0, count: 64)
        else { return nil }
        let count = Int(header.field(UInt16.self, at: 60))
        let offset = header.word(at: 40)
        guard header.field(UInt16.self, at: 58) == 64, count <= SymbolLimits.sectionHeaders, count > 0,
            let table = RecordBytes(file, at: offset, count: count * 64)
        else {
            symbols = nil
            dynamicSymbols = nil
            return
        }
        func find(_ type: UInt32) -> SymbolTable? {
            guard let index = (0..<count).first(where: { table.field(UInt32.self, at: $0 * 64 + 4) == type }) else {
                return nil
            }
            let names = Int(table.field(UInt32.self, at: index * 64 + 40))
            guard names < count, table.word(at: index * 64 + 56) == 24 else { return nil }
            return SymbolTable(
                offset: table.word(at: index * 64 + 24),
                count: table.word(at: index * 64 + 32),
                namesOffset: table.word(at: names * 64 + 24),
                namesCount: table.word(at: names * 64 + 32)
            )
        }
        symbols = find(SectionType.symbols)
        dynamicSymbols = find(SectionType.dynamicSymbols)
    }
}
