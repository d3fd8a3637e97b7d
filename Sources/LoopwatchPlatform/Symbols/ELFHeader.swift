// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is read of a mapped binary's headers (System V ABI, chapters 4 and 5; 64 bits, little-endian).
enum ELFHeader {
    /// The first four bytes of every ELF file, then class 2 (64 bits) and encoding 1 (little-endian).
    static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1]
    /// Type of a program header that describes a part of the file that is loaded.
    private static let load: UInt64 = 1
    /// Bytes of a program header.
    private static let programHeaderBytes = 56

    /// Where a program begins, as its symbol table would count it: the header's e_entry; `nil` if what is mapped there is not
    /// ELF, or nothing begins there, as in most libraries.
    ///
    /// Safe on any address.
    static func entry(of base: UInt64) -> UInt64? {
        guard bias(of: base) != nil, let header = Memory.words(at: UInt(base), count: 4), header[3] != 0 else {
            return nil
        }
        return header[3]
    }

    /// What was added to every address of a binary when it was loaded; `nil` if what is mapped there is not ELF.
    ///
    /// Safe on any address.
    static func bias(of base: UInt64) -> UInt64? {
        guard let header = Memory.words(at: UInt(base), count: 8) else { return nil }
        // Words of the header: e_ident, ..., e_phoff at byte 32, e_phentsize at 54, e_phnum at 56.
        let ident = (0..<6).map { UInt8(truncatingIfNeeded: header[0] >> (8 * UInt64($0))) }
        let entryBytes = header[6] >> 48
        let count = header[7] & 0xffff
        guard ident == magic, entryBytes == UInt64(programHeaderBytes), count <= SymbolLimits.programHeaders,
            count > 0, header[4] < 1 << 32,
            let words = Memory.words(at: UInt(base &+ header[4]), count: Int(count) * programHeaderBytes / 8)
        else { return nil }
        var lowest: UInt64?
        for start in stride(from: 0, to: words.count, by: programHeaderBytes / 8)
        where words[start] & 0xffff_ffff == load {
            lowest = min(lowest ?? .max, words[start + 2])
        }
        return lowest.map { base &- ($0 & ~0xfff) }
    }
}
