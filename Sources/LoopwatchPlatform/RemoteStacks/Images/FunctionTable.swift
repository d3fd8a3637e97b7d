// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The functions of one symbol table, by address; their names are read from the file when they are asked for.
struct FunctionTable<File: ReadableMemory> {
    private struct Function {
        var start: UInt64
        var count: UInt32
        var name: UInt32
    }

    private let file: File
    private let table: ELFSections.SymbolTable
    private var functions: [Function] = []

    /// How many functions there are.
    var count: Int { functions.count }

    /// Reads a table, as far as it is there.
    ///
    /// - Parameter functionsMost: how many functions to keep at most; the others have no names.
    init(_ file: File, _ table: ELFSections.SymbolTable, functionsMost: Int) {
        self.file = file
        self.table = table
        var functions: [Function] = []
        Self.forEachSymbol(file, table) { symbol in
            guard symbol.isFunction, functions.count < functionsMost else { return functions.count < functionsMost }
            functions.append(
                Function(start: symbol.address, count: UInt32(clamping: symbol.count), name: symbol.name)
            )
            return true
        }
        functions.sort { ($0.start, $0.count) < ($1.start, $1.count) }
        self.functions = functions
    }

    /// One entry of a symbol table.
    struct Symbol {
        /// Address, as the file counts it.
        var address: UInt64
        /// Bytes that it stands for.
        var count: UInt64
        /// Where its name is, in the table of names.
        var name: UInt32
        /// Whether it is code that is in this file.
        var isFunction: Bool
        /// Whether it is in this file at all.
        var isDefined: Bool
    }

    /// Goes through the symbols of a table until told to stop.
    static func forEachSymbol(_ file: File, _ table: ELFSections.SymbolTable, _ body: (Symbol) -> Bool) {
        var offset: UInt64 = 0
        while offset < table.count {
            let wanted = Int(min(table.count - offset, UInt64(RemoteStackLimits.symbolPieceBytes)))
            let (place, overflow) = table.offset.addingReportingOverflow(offset)
            guard !overflow, let piece = file.bytes(at: place, count: wanted - wanted % 24), !piece.isEmpty else {
                return
            }
            var goesOn = true
            piece.withUnsafeBytes { bytes in
                for start in stride(from: 0, to: bytes.count, by: 24) where goesOn {
                    let type = bytes[start + 4] & 0xf
                    let isDefined = bytes.loadUnaligned(fromByteOffset: start + 6, as: UInt16.self) != 0
                    let count = bytes.loadUnaligned(fromByteOffset: start + 16, as: UInt64.self)
                    goesOn = body(
                        Symbol(
                            address: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self),
                            count: count,
                            name: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self),
                            // Functions, and functions that are chosen when loaded.
                            isFunction: isDefined && count > 0 && (type == 2 || type == 10),
                            isDefined: isDefined
                        )
                    )
                }
            }
            guard goesOn else { return }
            offset += UInt64(piece.count)
        }
    }

    /// The name of the function that holds an address, as the file counts it.
    func name(at address: UInt64) -> String? {
        var low = 0
        var high = functions.count
        while low < high {
            let middle = low + (high - low) / 2
            if functions[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        // Aliases lie next to each other, the longest of them last.
        guard low > 0, address - functions[low - 1].start < UInt64(functions[low - 1].count) else { return nil }
        let start = functions[low - 1].start
        return functions[..<low].reversed().prefix(RemoteStackLimits.aliases).prefix { $0.start == start }
            .compactMap { text($0.name) }.min { (Self.strangeness($0), $0) < (Self.strangeness($1), $1) }
    }

    /// Aliases of one function differ in leading underscores and in length: `read`, `__read`, `__libc_read`.
    private static func strangeness(_ name: String) -> Int {
        // C++ and Rust begin every name with an underscore.
        let underscores = name.hasPrefix("_Z") || name.hasPrefix("_R") ? 0 : name.utf8.prefix { $0 == 95 }.count
        return underscores * 100 + name.utf8.count
    }

    private func text(_ name: UInt32) -> String? {
        guard UInt64(name) < table.namesCount else { return nil }
        let bytesMost = Int(min(table.namesCount - UInt64(name), UInt64(SymbolLimits.mangledNameBytes)))
        // Most names are short, and one page holds many.
        for bytes in [min(256, bytesMost), bytesMost] {
            guard let text = file.zeroEndedText(at: table.namesOffset &+ UInt64(name), bytesMost: bytes) else {
                return nil
            }
            if text.utf8.count < bytes { return text.isEmpty ? nil : text }
        }
        return nil
    }
}
