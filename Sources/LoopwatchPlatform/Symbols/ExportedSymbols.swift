// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The functions that a library exports: names for one that was stripped, as the C library is.
///
/// The toolchain's runtime looks only at the full symbol table, which such libraries lack. dladdr(3) would tell, but it
/// takes the loader's lock, which a thread that is blocked in dlopen(3) holds.
struct ExportedSymbols {
    private struct Function {
        var start: UInt64
        var size: UInt64
        var nameOffset: Int
    }

    private var functions: [Function] = []
    private var names: [UInt8] = []

    /// Reads the table of a file; empty if there is none, or it is not sound.
    ///
    /// Format: System V ABI, chapters 4 and 5, 64 bits, little-endian.
    init(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let file = ELFFile(descriptor: descriptor)
        guard let table = file.section(type: ELFFile.dynamicSymbols), let strings = file.section(at: table.link),
            let symbols = file.bytes(of: table), let names = file.bytes(of: strings)
        else { return }
        self.names = names
        functions = Self.functions(in: symbols)
    }

    /// The name of the function that holds an address, as the symbol table counts it.
    func name(at address: UInt64) -> String? {
        var low = 0
        var high = functions.count
        while low < high {
            let middle = low + (high - low) / 2
            if functions[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        // Aliases lie next to each other, sorted so that the last of them is the one that people know.
        guard low > 0, address - functions[low - 1].start < functions[low - 1].size else { return nil }
        let start = functions[low - 1].start
        return functions[..<low].reversed().prefix(SymbolLimits.nameContexts).prefix { $0.start == start }
            .compactMap { name($0) }.min { (Self.strangeness($0), $0) < (Self.strangeness($1), $1) }
    }

    /// Aliases of one function differ in leading underscores and in length: `read`, `__read`, `__libc_read`.
    private static func strangeness(_ name: String) -> Int {
        name.utf8.prefix { $0 == 95 }.count * 100 + name.utf8.count
    }

    private func name(_ function: Function) -> String? {
        guard names.indices.contains(function.nameOffset) else { return nil }
        let bytes = names[function.nameOffset...].prefix(SymbolLimits.mangledNameBytes).prefix { $0 != 0 }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    private static func functions(in table: [UInt8]) -> [Function] {
        var functions: [Function] = []
        table.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count - 23, by: 24) {
                let type = bytes[start + 4] & 0xf
                let section = bytes.loadUnaligned(fromByteOffset: start + 6, as: UInt16.self)
                let size = bytes.loadUnaligned(fromByteOffset: start + 16, as: UInt64.self)
                // Functions, and functions that are chosen when loaded; not those of other libraries.
                guard type == 2 || type == 10, section != 0, size > 0 else { continue }
                functions.append(
                    Function(
                        start: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self),
                        size: size,
                        nameOffset: Int(bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self))
                    )
                )
            }
        }
        return functions.sorted { ($0.start, $0.size) < ($1.start, $1.size) }
    }
}

/// The sections of an ELF file that is open.
private struct ELFFile {
    struct Section {
        var type: UInt32
        var offset: UInt64
        var size: UInt64
        var link: Int
    }

    /// Type of a section that holds the symbols for dynamic linking.
    static let dynamicSymbols: UInt32 = 11

    private let descriptor: CInt
    private let sections: [Section]

    init(descriptor: CInt) {
        self.descriptor = descriptor
        sections = Self.sections(of: descriptor)
    }

    func section(type: UInt32) -> Section? { sections.first { $0.type == type } }

    func section(at index: Int) -> Section? { sections.indices.contains(index) ? sections[index] : nil }

    func bytes(of section: Section) -> [UInt8]? {
        guard section.size <= SymbolLimits.exportedTableBytes else { return nil }
        return Self.read(descriptor, at: section.offset, count: Int(section.size))
    }

    private static func sections(of descriptor: CInt) -> [Section] {
        guard let header = read(descriptor, at: 0, count: 64), header.starts(with: ELFHeader.magic) else { return [] }
        let (offset, entryBytes, count) = header.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 40, as: UInt64.self),
                Int(bytes.loadUnaligned(fromByteOffset: 58, as: UInt16.self)),
                Int(bytes.loadUnaligned(fromByteOffset: 60, as: UInt16.self))
            )
        }
        guard entryBytes == 64, count <= SymbolLimits.sectionHeaders,
            let table = read(descriptor, at: offset, count: count * entryBytes)
        else { return [] }
        return table.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count - 63, by: 64).map { start in
                Section(
                    type: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self),
                    offset: bytes.loadUnaligned(fromByteOffset: start + 24, as: UInt64.self),
                    size: bytes.loadUnaligned(fromByteOffset: start + 32, as: UInt64.self),
                    link: Int(bytes.loadUnaligned(fromByteOffset: start + 40, as: UInt32.self))
                )
            }
        }
    }

    /// All of the bytes, or none: a file that ends before them is not sound.
    private static func read(_ descriptor: CInt, at offset: UInt64, count: Int) -> [UInt8]? {
        guard let offset = off_t(exactly: offset) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let (place, overflow) = offset.addingReportingOverflow(off_t(done))
            guard !overflow else { return nil }
            let got = bytes.withUnsafeMutableBytes { buffer in
                retryingInterrupted { pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, place) }
            }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }
}
