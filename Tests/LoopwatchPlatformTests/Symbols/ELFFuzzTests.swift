// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Damaged ELF files")
struct ELFFuzzTests {
    @Test("exported symbols of a damaged file are names of its, or none", arguments: 1...4)
    func exportedSymbols(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let library = try DamagedLibrary()
        let file = try MemoryFile()
        file.write(library.bytes)
        let whole = ExportedSymbols(path: file.path)
        let addresses = stride(from: UInt64(0), to: 0x30000, by: 64).filter { whole.name(at: $0) != nil }
        #expect(addresses.count > 100)
        var found = 0
        for _ in 0..<250 * fuzzFactor {
            file.write(library.damaged(&generator))
            let symbols = ExportedSymbols(path: file.path)
            for _ in 0..<8 {
                let known = addresses.randomElement(using: &generator)!
                for address in [known, generator.next(), known &+ 1 << 32, 0, .max] {
                    guard let name = symbols.name(at: address) else { continue }
                    found += 1
                    #expect(!name.isEmpty && name.utf8.count <= 3 * SymbolLimits.mangledNameBytes)
                }
            }
        }
        #expect(found > 100 * fuzzFactor, "some damage does not matter")
    }

    @Test("damaged headers in memory give a bias or none", arguments: 1...4)
    func mappedHeader(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let library = try DamagedLibrary()
        let size = 1 << 16
        let memory = try #require(mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { munmap(memory, size) }
        var sound = 0
        for _ in 0..<1_000 * fuzzFactor {
            let bytes = library.damaged(&generator)
            bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: min(size, $0.count)) }
            if ELFHeader.bias(of: UInt64(UInt(bitPattern: memory))) != nil { sound += 1 }
        }
        #expect(sound > 100 * fuzzFactor, "some damage does not matter")
    }

    @Test("a damaged table of mappings gives places in order, or none", arguments: 1...4)
    func mappings(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let maps = WholeFile.bytes(at: "/proc/self/maps", atMost: 1 << 20)
        let whole = ProcessMaps.places(maps: maps)
        #expect(whole.count > 5)
        let letters = Array("0123456789abcdef-rwxp /[]\n\0\u{ff}".utf8)
        for round in 0..<100 * fuzzFactor {
            var copy = maps
            for _ in 0...Int.random(in: 0...20, using: &generator) {
                let place = Int.random(in: 0..<copy.count, using: &generator)
                if Bool.random(using: &generator) {
                    copy[place] = letters.randomElement(using: &generator)!
                } else {
                    copy.remove(at: place)
                }
            }
            for place in ProcessMaps.places(maps: copy) where place.textStart >= place.textEnd {
                // Two mappings that the damage has put in the wrong order: nothing is found there, and nothing traps.
                let image = LoadedImage(
                    path: place.path,
                    name: "",
                    base: place.base,
                    textStart: place.textStart,
                    textEnd: place.textEnd,
                    bias: place.base,
                    isELF: true,
                    origin: .host
                )
                #expect(
                    ImageTable(images: [image]).image(holding: place.textStart) == nil,
                    "seed \(seed) round \(round)"
                )
            }
        }
    }

    #if arch(x86_64)
        @Test("the code and unwind tables of a damaged file give a short stack", arguments: 1...4)
        func unwinding(seed: Int) throws {
            var generator = SeededGenerator(seed: UInt64(seed))
            let library = try DamagedLibrary()
            let base: UInt64 = 0x7000_0000_0000
            var memory = StackMemory()
            var frames = 0
            var callers = 0
            // What follows what may be a call, else nothing is taken for a return address.
            var returns: [UInt64] = []
            for header in library.programHeaders where header.type == 1 && header.flags & 1 != 0 {
                var place = 0
                while place < header.bytes - 5 {
                    if library.bytes[header.offset + place] == 0xe8 {
                        returns.append(base + header.address + UInt64(place) + 5)
                    }
                    place += 1
                }
            }
            for round in 0..<40 * fuzzFactor {
                var bytes = library.damaged(&generator)
                // Damage where the tables are, too.
                let headers = library.programHeaders
                let tables = try #require(headers.first { $0.type == 0x6474_e550 })
                for _ in 0..<Int.random(in: 0...40, using: &generator) {
                    let place = tables.offset + Int.random(in: 0..<tables.bytes * 4, using: &generator)
                    if place < bytes.count { bytes[place] = UInt8.random(in: 0...255, using: &generator) }
                }
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
                defer { copy.deallocate() }
                copy.copyBytes(from: bytes)
                let pieces = headers.filter { $0.type == 1 && $0.offset + $0.bytes <= bytes.count }.compactMap {
                    header in
                    let range = header.offset..<header.offset + header.bytes
                    return AddressedBytes(UnsafeRawBufferPointer(rebasing: copy[range]), at: base + header.address)
                        .map { (bytes: $0, isCode: header.flags & 1 != 0) }
                }
                let table = pieces.lazy.compactMap { UnwindTable($0.bytes, header: base + tables.address) }.first
                let codes = pieces.filter(\.isCode).map { Module(code: $0.bytes, table: table, isPermanent: true) }
                let modules = ModuleTable(modules: codes, data: pieces.map(\.bytes))
                guard let code = codes.first?.code else { continue }
                var unwinder = Unwinder(modules: modules)
                for _ in 0..<20 {
                    func place() -> UInt64 {
                        Int.random(in: 0...3, using: &generator) > 0
                            ? returns.randomElement(using: &generator)!
                            : code.address + UInt64.random(in: 0..<UInt64(code.count), using: &generator)
                    }
                    let stack = (0..<512).map { _ in
                        [place(), 0x10_0000 + UInt64.random(in: 0..<4_096, using: &generator), generator.next(), 0]
                            .randomElement(using: &generator)!
                    }
                    var registers = Registers(programCounter: place(), stackPointer: 0x10_0000)
                    if Bool.random(using: &generator) { registers.set(Architecture.framePointer, to: 0x10_0040) }
                    stack.withUnsafeBytes { memory.begin(copy: $0, at: 0x10_0000) }
                    let found = unwinder.unwind(from: registers, memory: &memory, framesMost: 100)
                    frames += found.frames.count
                    if found.frames.count > 1 { callers += 1 }
                    #expect(found.frames.count <= 100)
                    for frame in found.frames.dropFirst() {
                        let place = frame.isReturnAddress ? frame.address &- 1 : frame.address
                        #expect(modules.holdsCode(place), "seed \(seed) round \(round)")
                    }
                }
            }
            #expect(callers > 100, "\(frames) frames")
        }
    #endif

    @Test("a damaged file that is mapped gives names or none", arguments: 1...4)
    func symbolizer(seed: Int) async throws {
        // In a process of its own: what reads the file is the toolchain's.
        await #expect(processExitsWith: .success) { [seed] in
            recordingErrors {
                var generator = SeededGenerator(seed: UInt64(seed))
                let library = try DamagedLibrary()
                let path = "/tmp/loopwatch-elf-\(getpid()).so"
                defer { unlink(path) }
                for _ in 0..<50 * fuzzFactor {
                    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
                    try #require(file >= 0)
                    let bytes = library.damaged(&generator)
                    try #require(write(file, bytes, bytes.count) == bytes.count)
                    let memory = try #require(mmap(nil, bytes.count, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0))
                    close(file)
                    let start = UInt64(UInt(bitPattern: memory))
                    let raw = RawStack(
                        frames: (0..<8).map { _ in
                            let offset = UInt64.random(in: 0..<UInt64(bytes.count), using: &generator)
                            return RawFrame(address: start + offset, isReturnAddress: true)
                        },
                        isTruncated: false
                    )
                    let symbolizer = Symbolizer(addressesCached: 64, stacksCached: 4, stackCPUNanoseconds: .max)
                    let stack = symbolizer.stack(for: raw)
                    #expect(stack.frames.allSatisfy { !$0.function.isEmpty })
                    munmap(memory, bytes.count)
                    unlink(path)
                }
            }
        }
    }
}
