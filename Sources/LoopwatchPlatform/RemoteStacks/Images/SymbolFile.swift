// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The symbols of one binary: its own, and those of the file of debug information that goes with it.
final class SymbolFile {
    /// Its own file.
    let file: FileMemory
    private var tables: [FunctionTable<FileMemory>] = []

    /// How many functions it has.
    var functionCount: Int { tables.reduce(0) { $0 + $1.count } }

    /// Reads the symbol tables of a file.
    ///
    /// - Parameters:
    ///   - file: the file.
    ///   - buildIdentifier: that of the binary, by which distributions file debug information; empty where it has none.
    ///   - debugFolder: the folder of debug information.
    init(_ file: FileMemory, buildIdentifier: [UInt8], debugFolder: String) {
        self.file = file
        guard let sections = ELFSections(file) else { return }
        // What a library exports is what people know its functions by: __GI___nanosleep is nobody's name for nanosleep.
        add(sections.dynamicSymbols, of: file)
        if sections.symbols != nil {
            add(sections.symbols, of: file)
        } else if let debug = Self.debugFile(buildIdentifier, in: debugFolder) {
            add(ELFSections(debug)?.symbols, of: debug)
        }
    }

    private func add(_ table: ELFSections.SymbolTable?, of file: FileMemory) {
        guard let table else { return }
        tables.append(
            FunctionTable(file, table, functionsMost: RemoteStackLimits.functionsOfFile - functionCount)
        )
    }

    /// The file that a distribution's package of debug information has for a build: `.build-id/ab/cdef….debug`.
    static func debugFile(_ buildIdentifier: [UInt8], in folder: String) -> FileMemory? {
        guard buildIdentifier.count > 2, buildIdentifier.count <= 64 else { return nil }
        let digits = buildIdentifier.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let path = "\(folder)/.build-id/\(digits[0])/\(digits.dropFirst().joined()).debug"
        guard let file = FileMemory(path: path), ELFProgram.buildIdentifier(ofFile: file) == buildIdentifier else {
            return nil
        }
        return file
    }

    /// The name of the function that holds an address, as the file counts it.
    func name(at address: UInt64) -> String? {
        for table in tables {
            if let name = table.name(at: address) { return name }
        }
        return nil
    }
}

/// Symbols of binaries, kept from one process to the next: servers of one machine are often built alike.
///
/// Belongs to one thread.
package final class RemoteSymbolCache {
    private enum Key: Hashable {
        case build([UInt8])
        case file(FileMemory.Identity)
    }

    private var files: [Key: (file: SymbolFile, lastUse: Int)] = [:]
    private var uses = 0
    private var lines: [Key: SourceLines?] = [:]
    private let debugFolder: String
    private let lineProgram: String?

    /// Creates an empty cache.
    ///
    /// - Parameter lineProgram: path of the program that reads files and lines (``LineService``); `nil` to have none.
    package convenience init(lineProgram: String? = nil) {
        self.init(debugFolder: "/usr/lib/debug", lineProgram: lineProgram)
    }

    /// Creates an empty cache that looks for debug information in a folder.
    init(debugFolder: String, lineProgram: String? = nil) {
        self.debugFolder = debugFolder
        self.lineProgram = lineProgram
    }

    /// The symbols of a binary; `nil` if its file cannot be read, or is not the one that runs.
    func file(at path: String, buildIdentifier: [UInt8], inode: UInt64) -> SymbolFile? {
        uses += 1
        if !buildIdentifier.isEmpty, let known = use(.build(buildIdentifier)) { return known }
        guard let file = FileMemory(path: path) else { return nil }
        let key: Key
        if buildIdentifier.isEmpty {
            // Some file systems number devices differently in maps(5) and in stat(2), but none its files.
            guard file.identity.inode == inode else { return nil }
            key = .file(file.identity)
            if let known = use(key) { return known }
        } else {
            guard ELFProgram.buildIdentifier(ofFile: file) == buildIdentifier else { return nil }
            key = .build(buildIdentifier)
        }
        let symbols = SymbolFile(file, buildIdentifier: buildIdentifier, debugFolder: debugFolder)
        files[key] = (symbols, uses)
        while files.count > RemoteStackLimits.symbolFiles
            || files.count > 1
                && files.values.reduce(0, { $0 + $1.file.functionCount }) > RemoteStackLimits.functionsOfAllFiles
        {
            guard let oldest = files.min(by: { $0.value.lastUse < $1.value.lastUse }) else { break }
            files[oldest.key] = nil
        }
        return symbols
    }

    /// Files and lines of the executable of a process; `nil` if its file cannot be read or trusted, or too many others were.
    ///
    /// - Parameters:
    ///   - image: the executable, whose symbols were looked up before.
    ///   - process: the process.
    func lines(of image: RemoteImage, process: Int32) -> SourceLines? {
        // Without an identifier, a build cannot be told from the next under the same path.
        guard !image.buildIdentifier.isEmpty, let lineProgram else { return nil }
        let key = Key.build(image.buildIdentifier)
        if let known = lines[key] { return known }
        guard lines.count < RemoteStackLimits.linedFiles else { return nil }
        let opened = SourceLines(process: process, program: lineProgram)
        // Another program may run there by now.
        if let opened {
            guard let file = FileMemory(path: opened.path),
                ELFProgram.buildIdentifier(ofFile: file) == image.buildIdentifier
            else { return nil }
        }
        lines[key] = .some(opened)
        return opened
    }

    private func use(_ key: Key) -> SymbolFile? {
        guard let known = files[key] else { return nil }
        files[key] = (known.file, uses)
        return known.file
    }
}
