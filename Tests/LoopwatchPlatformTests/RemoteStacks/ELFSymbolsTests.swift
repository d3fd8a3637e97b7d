// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Symbols of a fabricated binary")
struct ELFSymbolsTests {
    private static let binary = FabricatedBinary(
        symbols: [
            .init(name: "helper", address: 0x1300, count: 16), .init(name: "main", address: 0x1100, count: 0x100),
            .init(name: "data", address: 0x2000, count: 8, type: 1),
            .init(name: "elsewhere", address: 0x1500, count: 8, section: 0),
            .init(name: "empty", address: 0x1600, count: 0),
        ],
        dynamicSymbols: [
            .init(name: "__GI___read", address: 0x1400, count: 32), .init(name: "read", address: 0x1400, count: 32),
            .init(name: "__read", address: 0x1400, count: 32),
            .init(name: "chosen", address: 0x1440, count: 8, type: 10),
            .init(name: "v8dbg_a", address: 0x3000, count: 4, type: 1),
            .init(name: "v8dbg_b", address: 0x3004, count: 4, type: 1),
            .init(name: "v8dbg_none", address: 0, count: 0, type: 0, section: 0),
        ]
    )

    @Test("are found by address")
    func byAddress() throws {
        let file = Self.binary.file
        let sections = try #require(ELFSections(file))
        let all = FunctionTable(file, try #require(sections.symbols), functionsMost: 100)
        #expect(all.count == 2)
        #expect(all.name(at: 0x1100) == "main" && all.name(at: 0x11ff) == "main")
        #expect(all.name(at: 0x1200) == nil && all.name(at: 0x10ff) == nil)
        #expect(all.name(at: 0x130f) == "helper" && all.name(at: 0x1500) == nil && all.name(at: 0x2000) == nil)
        let exported = FunctionTable(file, try #require(sections.dynamicSymbols), functionsMost: 100)
        #expect(exported.name(at: 0x1410) == "read" && exported.name(at: 0x1441) == "chosen")
        #expect(FunctionTable(file, try #require(sections.symbols), functionsMost: 1).count == 1)
    }

    @Test("are found by name")
    func byName() {
        let found = NamedSymbols.addresses(in: Self.binary.file, prefixes: ["v8dbg_", "read"])
        #expect(found == ["v8dbg_a": 0x3000, "v8dbg_b": 0x3004, "read": 0x1400])
        #expect(NamedSymbols.addresses(in: FabricatedMemory(), prefixes: ["a"]).isEmpty)
    }

    @Test("program headers tell bias, segments and build")
    func program() throws {
        let memory = FabricatedMemory()
        memory.put(Self.binary.bytes, at: 0x7f00_0000_1000)
        let program = try #require(ELFProgram(memory, at: 0x7f00_0000_1000))
        #expect(program.bias == 0x7f00_0000_0000)
        #expect(program.buildIdentifier == [1, 2, 3, 4])
        #expect(
            program.segments == [
                .init(address: 0x7f00_0000_1000, count: 0x4000, isReadable: true, isExecutable: true)
            ]
        )
        #expect(ELFProgram(memory, at: 0x7f00_0000_2000) == nil)
        #expect(ELFProgram.buildIdentifier(ofFile: Self.binary.file) == [1, 2, 3, 4])
    }

    @Test("a file of debug information counts only if it is of the same build")
    func debugFile() throws {
        var template = Array("/tmp/loopwatch-debug-XXXXXX".utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer {
            for name in ["/.build-id/ab/cdef01.debug", "/binary"] { unlink(folder + name) }
            for name in ["/.build-id/ab", "/.build-id", ""] { rmdir(folder + name) }
        }
        mkdir(folder + "/.build-id", 0o755)
        mkdir(folder + "/.build-id/ab", 0o755)
        func write(_ binary: FabricatedBinary, _ name: String) throws {
            let descriptor = open(folder + name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
            try #require(descriptor >= 0)
            _ = binary.bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            close(descriptor)
        }
        let build: [UInt8] = [0xab, 0xcd, 0xef, 0x01]
        let stripped = FabricatedBinary(
            dynamicSymbols: [.init(name: "exported", address: 0x1100, count: 16)],
            buildIdentifier: build
        )
        var debug = FabricatedBinary(
            symbols: [.init(name: "hidden", address: 0x1200, count: 16)],
            buildIdentifier: build
        )
        try write(stripped, "/binary")
        try write(debug, "/.build-id/ab/cdef01.debug")
        func names() -> [String?] {
            let cache = RemoteSymbolCache(debugFolder: folder)
            let file = cache.file(at: folder + "/binary", buildIdentifier: build, inode: 0)
            return [file?.name(at: 0x1104), file?.name(at: 0x1204)]
        }
        #expect(names() == ["exported", "hidden"])
        debug.buildIdentifier = [9, 9, 9, 9]
        try write(debug, "/.build-id/ab/cdef01.debug")
        #expect(names() == ["exported", nil])
        // A file that was put in the place of the one that runs is not believed.
        let cache = RemoteSymbolCache(debugFolder: folder)
        #expect(cache.file(at: folder + "/binary", buildIdentifier: [1, 1, 1, 1], inode: 0) == nil)
        #expect(cache.file(at: folder + "/binary", buildIdentifier: [], inode: 1) == nil)
        #expect(cache.file(at: folder + "/none", buildIdentifier: build, inode: 0) == nil)
    }

    @Test("any damage ends", arguments: [1, 2, 3, 4] as [UInt64])
    func fuzz(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = Self.binary.bytes
        var found = 0
        for _ in 0..<600 {
            var damaged = bytes
            for _ in 0...Int.random(in: 0...8, using: &generator) {
                damaged[Int.random(in: 6..<damaged.count, using: &generator)] = [0, 0xff, 0x7f, 0x80, 1].randomElement(
                    using: &generator
                )!
            }
            if Bool.random(using: &generator) {
                damaged.removeLast(Int.random(in: 0..<damaged.count - 64, using: &generator))
            }
            let memory = FabricatedMemory()
            memory.put(damaged, at: 0)
            _ = ELFProgram(memory, at: 0)
            _ = ELFProgram.buildIdentifier(ofFile: memory)
            _ = NamedSymbols.addresses(in: memory, prefixes: ["v8dbg_"])
            for table in [ELFSections(memory)?.symbols, ELFSections(memory)?.dynamicSymbols] {
                guard let table else { continue }
                let functions = FunctionTable(memory, table, functionsMost: 64)
                #expect(functions.count <= 64)
                for address in stride(from: UInt64(0x1000), to: 0x1700, by: 16) where functions.name(at: address) != nil
                {
                    found += 1
                }
            }
        }
        #expect(found > 100)
    }
}
