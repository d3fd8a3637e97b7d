// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Names of the functions of this process, internal ones too, read from the symbol tables of its files.
///
/// Trusts those files; for tests.
final class SymbolNames {
    private struct Symbol {
        var address: UInt64
        var name: String
    }

    /// A file that is mapped.
    private struct Mapping {
        var start: UInt64
        var end: UInt64
        var offset: UInt64
        var path: String
    }

    private var symbols: [String: [Symbol]] = [:]
    private let mappings: [Mapping]

    /// Reads what is mapped now.
    init() {
        var mappings: [Mapping] = []
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        guard let file = fopen("/proc/self/maps", "re") else {
            self.mappings = []
            return
        }
        while getline(&line, &capacity, file) > 0, let line {
            // START-END ACCESS OFFSET DEVICE INODE PATH
            let fields = String(cString: line).split(whereSeparator: { $0 == " " || $0 == "\n" })
            let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard fields.count == 6, ends.count == 2, let offset = UInt64(fields[2], radix: 16) else { continue }
            mappings.append(Mapping(start: ends[0], end: ends[1], offset: offset, path: String(fields[5])))
        }
        free(line)
        fclose(file)
        self.mappings = mappings
    }

    /// The mangled name of the function that holds an address; its module's name where it has none.
    func name(of address: UInt64) -> String {
        guard let path = mappings.first(where: { $0.start <= address && address < $0.end })?.path,
            let base = mappings.first(where: { $0.path == path && $0.offset == 0 })?.start
        else { return "?" }
        let known = symbols[path] ?? Self.read(path, base: base)
        symbols[path] = known
        var low = 0
        var high = known.count
        while low < high {
            let middle = (low + high) / 2
            if known[middle].address <= address { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? known[low - 1].name : path
    }

    private static func read(_ path: String, base: UInt64) -> [Symbol] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size > 64, let file = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), file != MAP_FAILED else {
            return []
        }
        defer { munmap(file, size) }
        let header = file.loadUnaligned(as: Elf64_Ehdr.self)
        func section(_ index: Int) -> Elf64_Shdr {
            file.loadUnaligned(fromByteOffset: Int(header.e_shoff) + index * 64, as: Elf64_Shdr.self)
        }
        let sections = (0..<Int(header.e_shnum)).map(section)
        // SHT_SYMTAB, or else SHT_DYNSYM.
        guard let table = sections.first(where: { $0.sh_type == 2 }) ?? sections.first(where: { $0.sh_type == 11 })
        else { return [] }
        let strings = Int(sections[Int(table.sh_link)].sh_offset)
        var result: [Symbol] = []
        for index in 0..<Int(table.sh_size / 24) {
            let place = Int(table.sh_offset) + index * 24
            let symbol = file.loadUnaligned(fromByteOffset: place, as: Elf64_Sym.self)
            guard symbol.st_value != 0, symbol.st_info & 15 == 2 else { continue }
            let name = (file + strings + Int(symbol.st_name)).assumingMemoryBound(to: CChar.self)
            result.append(Symbol(address: base + symbol.st_value, name: String(cString: name)))
        }
        return result.sorted { $0.address < $1.address }
    }
}
