// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

/// How many times as many rounds as usual; `LOOPWATCH_FUZZ_FACTOR` sets it.
let fuzzFactor: Int = getenv("LOOPWATCH_FUZZ_FACTOR").flatMap { Int(String(cString: $0)) } ?? 1

/// A file that is only in memory, with a path.
final class MemoryFile {
    /// The descriptor.
    let descriptor: CInt
    /// A path to it, for as long as it is open.
    var path: String { "/proc/self/fd/\(descriptor)" }

    /// Creates an empty one.
    init() throws {
        var name = Array("/tmp/loopwatch-elf-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else { throw SystemError(operation: "mkstemp") }
        unlink(name)
    }

    deinit { close(descriptor) }

    /// Replaces what is in it.
    func write(_ bytes: [UInt8]) {
        ftruncate(descriptor, 0)
        _ = pwrite(descriptor, bytes, bytes.count, 0)
    }
}

/// A real library, and damage to it.
struct DamagedLibrary {
    /// The library as it is.
    let bytes: [UInt8]
    private let spots: [Range<Int>]

    /// Reads a library that this process has loaded.
    init() throws {
        let path = try #require(ImageTable.capture().images.first { $0.path.contains("/libgcc_s") }?.path)
        let bytes = WholeFile.bytes(at: path, atMost: 1 << 24)
        let sections = Int(Self.word(bytes, 40))
        let count = Int(Self.word(bytes, 58) >> 16 & 0xffff)
        let programHeaders = Int(Self.word(bytes, 56) & 0xffff)
        // The header, the program headers, the section headers: where a byte says most.
        spots = [0..<64, 64..<64 + 56 * programHeaders, sections..<sections + 64 * count].map {
            $0.clamped(to: 0..<bytes.count)
        }
        self.bytes = bytes
    }

    private func word(_ offset: Int) -> UInt64 { Self.word(bytes, offset) }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }

    /// A piece of the file that is loaded, or what the unwind table's header lies at: type, flags, offset, address, size.
    var programHeaders: [(type: UInt32, flags: UInt32, offset: Int, address: UInt64, bytes: Int)] {
        (0..<Int(word(56) & 0xffff)).map { number in
            let start = 64 + 56 * number
            let kinds = word(start)
            return (
                UInt32(truncatingIfNeeded: kinds), UInt32(truncatingIfNeeded: kinds >> 32), Int(word(start + 8)),
                word(start + 16), Int(word(start + 32))
            )
        }
    }

    /// The library with some bytes changed, and perhaps cut.
    func damaged(_ generator: inout SeededGenerator) -> [UInt8] {
        var copy = bytes
        for _ in 0...Int.random(in: 0...16, using: &generator) {
            let spot =
                Int.random(in: 0...3, using: &generator) == 0
                ? 0..<bytes.count : spots.randomElement(using: &generator)!
            let place = Int.random(in: spot, using: &generator)
            switch Int.random(in: 0...4, using: &generator) {
            case 0: copy[place] = 0xff
            case 1: copy[place] = 0
            case 2: copy[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            case 3:
                for index in place..<min(place + 8, copy.count) { copy[index] = 0xff }
            default: copy[place] = UInt8.random(in: 0...255, using: &generator)
            }
        }
        if Int.random(in: 0...7, using: &generator) == 0 {
            copy.removeLast(Int.random(in: 0..<copy.count, using: &generator))
        }
        return copy
    }
}

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
