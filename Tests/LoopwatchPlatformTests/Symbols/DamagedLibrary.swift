// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
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
