// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds symbols by name, among those for dynamic linking: interpreters export them for their extensions.
enum NamedSymbols {
    /// Addresses of symbols, as the file counts them, by name.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - prefixes: what the names begin with, or are.
    static func addresses(in file: some ReadableMemory, prefixes: [String]) -> [String: UInt64] {
        guard let table = ELFSections(file)?.dynamicSymbols else { return [:] }
        return addresses(in: file, table, prefixes: prefixes.map { Array($0.utf8) })
    }

    private static func addresses<File: ReadableMemory>(
        in file: File,
        _ table: ELFSections.SymbolTable,
        prefixes: [[UInt8]]
    ) -> [String: UInt64] {
        guard table.namesCount <= UInt64(RemoteStackLimits.nameTableBytes),
            let names = file.bytes(at: table.namesOffset, count: Int(table.namesCount))
        else { return [:] }
        var found: [String: UInt64] = [:]
        names.withUnsafeBytes { names in
            FunctionTable<File>.forEachSymbol(file, table) { symbol in
                guard symbol.isDefined, Int(symbol.name) < names.count else { return true }
                let rest = names[Int(symbol.name)...]
                guard prefixes.contains(where: { rest.starts(with: $0) }) else { return true }
                let name = String(
                    decoding: rest.prefix(SymbolLimits.mangledNameBytes).prefix { $0 != 0 },
                    as: UTF8.self
                )
                found[name] = symbol.address
                return found.count < RemoteStackLimits.describingSymbols
            }
        }
        return found
    }
}
