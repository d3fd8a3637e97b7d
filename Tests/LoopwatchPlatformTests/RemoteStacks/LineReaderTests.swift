// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

/// What reads files and lines, and what becomes of it: it is the program `loopwatch` that was built beside the tests, and
/// reads that very program's debug information.
@Suite("The process that reads files and lines", .serialized, .timeLimit(.minutes(10)))
struct LineReaderTests {
    /// Where the program would lie if it ran.
    private static let base: UInt64 = 0x5555_0000_0000
    private static let patience: Int64 = 30_000_000_000

    private static func program() throws -> String { try LoopFixture.folder() + "/loopwatch" }

    /// An executable: where its code and its debug information are, and addresses of its functions.
    private struct Executable {
        let bytes: [UInt8]
        let image: LoadedImage
        let functions: [UInt64]
        /// Sections of debug information: where each is in the file.
        private(set) var debug: [String: Range<Int>] = [:]

        init(path: String) throws {
            let bytes = WholeFile.bytes(at: path, atMost: 1 << 30)
            func number<Value: FixedWidthInteger>(_ type: Value.Type, _ offset: Int) -> Value {
                bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
            }
            func word(_ offset: Int) -> Int { Int(number(UInt64.self, offset)) }
            try #require(bytes.count > 64)
            let headers = (0..<Int(number(UInt16.self, 56))).map { word(32) + 56 * $0 }
            let code = try #require(
                headers.first { number(UInt32.self, $0) == 1 && number(UInt32.self, $0 + 4) & 1 == 1 }
            )
            let (start, count) = (UInt64(word(code + 16)), UInt64(word(code + 32)))
            image = LoadedImage(
                path: path,
                name: "loopwatch",
                base: base,
                textStart: base + start,
                textEnd: base + start + count,
                bias: base,
                isELF: true,
                origin: .host
            )
            let file = try #require(FileMemory(path: path))
            let symbols = SymbolFile(file, buildIdentifier: [], debugFolder: "/no/such/folder")
            functions = stride(from: start, to: start + count, by: 4_099).filter { offset in
                symbols.name(at: offset).map { Demangler.isSwift($0) } ?? false
            }.map { base + $0 }
            let sections = (0..<Int(number(UInt16.self, 60))).map { word(40) + 64 * $0 }
            let names = word(sections[Int(number(UInt16.self, 62))] + 24)
            for section in sections {
                let name = bytes[(names + Int(number(UInt32.self, section)))...].prefix { $0 != 0 }
                let text = String(decoding: name, as: UTF8.self)
                let place = word(section + 24)
                if text.hasPrefix(".debug_") { debug[text] = place..<place + word(section + 32) }
            }
            self.bytes = bytes
        }
    }

    private static func reader(_ file: CInt, _ executable: Executable, program: String? = nil) throws -> LineReader {
        LineReader(program: try program ?? Self.program(), file: file, image: executable.image)
    }

    @Test("functions are told with their files and lines, when there is time for that or later")
    func sound() throws {
        let executable = try Executable(path: try Self.program())
        try #require(executable.functions.count > 100)
        let file = open(try Self.program(), O_RDONLY | O_CLOEXEC)
        try #require(file >= 0)
        defer { close(file) }
        let reader = try Self.reader(file, executable)
        let first = executable.functions[0]
        // The process has to be started first.
        #expect(reader.functions(at: first, withinNanoseconds: 0) == nil)
        try eventually("the first is read meanwhile") { reader.functions(at: first, withinNanoseconds: 0) != nil }
        var lined = 0
        // Each takes some 70 ms where the program is not optimized.
        for address in executable.functions.prefix(40) {
            let functions = try #require(reader.functions(at: address, withinNanoseconds: Self.patience))
            if functions.contains(where: { $0.file?.hasSuffix(".swift") == true && $0.line ?? 0 > 0 }) { lined += 1 }
        }
        #expect(lined > 5)
        // Outside the code there is nothing, and the process does not end of it.
        #expect(reader.functions(at: 0, withinNanoseconds: Self.patience)?.isEmpty == true)
        #expect(!reader.isGivenUp)
    }

    @Test(
        "debug information that is unsound costs the lines, and nothing else",
        arguments: [".debug_line", ".debug_info", ".debug_abbrev", ".debug_str", "all"]
    )
    func unsound(section: String) throws {
        let executable = try Executable(path: try Self.program())
        let ranges = executable.debug.filter { section == "all" || $0.key == section }.map(\.value).filter {
            !$0.isEmpty
        }
        .sorted { $0.lowerBound < $1.lowerBound }
        try #require(!ranges.isEmpty)
        let copy = try MemoryFile()
        copy.write(executable.bytes)
        var (named, givenUp) = (0, 0)
        for round in 0..<3 * fuzzFactor {
            var generator = SeededGenerator(seed: UInt64(round) &* 31 &+ UInt64(section.utf8.count))
            var damage: [Int: UInt8] = [:]
            for range in ranges {
                // Of some a byte in 64, of others one in 65,536.
                for _ in 0..<max(4, range.count >> [6, 10, 16].randomElement(using: &generator)!) {
                    damage[Int.random(in: range, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            for (place, byte) in damage { pwrite(copy.descriptor, [byte], 1, off_t(place)) }
            let reader = try Self.reader(copy.descriptor, executable)
            for _ in 0..<8 {
                let address = executable.functions.randomElement(using: &generator)!
                // It names what it can; a process that reads on without end is ended.
                for function in reader.functions(at: address, withinNanoseconds: Self.patience) ?? [] {
                    named += 1
                    #expect(!function.symbol.isEmpty && function.symbol.utf8.count <= SymbolLimits.mangledNameBytes)
                }
                if reader.isGivenUp { break }
            }
            if reader.isGivenUp { givenUp += 1 }
            for place in damage.keys { pwrite(copy.descriptor, [executable.bytes[place]], 1, off_t(place)) }
        }
        // How many come to a bad end depends on where the damage is; of that section it did in every round.
        #expect(named > 0 || givenUp > 0)
        #expect(section != ".debug_abbrev" || givenUp > 0)
    }

    @Test(
        "a program that ends, cannot be started, or answers nonsense is given up",
        arguments: ["end", "none", "nonsense"]
    )
    func givenUp(way: String) throws {
        let executable = try Executable(path: try Self.program())
        let programs = ["end": "/bin/true", "none": "/no/such/program", "nonsense": "/bin/echo"]
        let reader = try Self.reader(0, executable, program: programs[way])
        let address = try #require(executable.functions.first)
        #expect(reader.functions(at: address, withinNanoseconds: Self.patience)?.isEmpty == true)
        #expect(reader.isGivenUp)
        #expect(reader.functions(at: address + 1, withinNanoseconds: 0)?.isEmpty == true)
    }

    @Test("answers are taken in pieces, and what is none is refused")
    func answers() throws {
        let functions = [
            RuntimeSymbols.Function(symbol: "$s4main1fyyF", displayName: "", file: "/srv/main.swift", line: 12),
            RuntimeSymbols.Function(symbol: "two\nlines", displayName: "name", file: nil, line: nil),
        ]
        let whole = LineRequest.answer(0xabc, functions) + LineRequest.answer(1, [])
        var bytes: [UInt8] = []
        var taken: [(address: UInt64, functions: [RuntimeSymbols.Function])] = []
        for byte in whole {
            bytes.append(byte)
            if let answer = try LineRequest.takeAnswer(from: &bytes) { taken.append(answer) }
        }
        #expect(bytes.isEmpty && taken.map(\.address) == [0xabc, 1])
        #expect(taken[0].functions.map(\.symbol) == ["$s4main1fyyF", "two lines"])
        #expect(taken[0].functions[0].file == "/srv/main.swift" && taken[0].functions[0].line == 12)
        #expect(taken[0].functions[1].file == nil && taken[0].functions[1].line == nil)
        #expect(taken[0].functions[1].displayName == "name" && taken[1].functions.isEmpty)
        for text in ["x\n1\n", "1\nx\n", "1\n-1\n", "1\n99999\n"] {
            var unsound = Array(text.utf8)
            #expect(throws: LineRequest.Unsound.self) { try LineRequest.takeAnswer(from: &unsound) }
        }
        var endless = [UInt8](repeating: 48, count: LineRequest.answerBytesMost + 1)
        #expect(throws: LineRequest.Unsound.self) { try LineRequest.takeAnswer(from: &endless) }
        #expect(LineRequest.address("abc".utf8) == 0xabc && LineRequest.address("".utf8) == nil)
        #expect(LineRequest.address("12345678901234567".utf8) == nil)
    }
}
