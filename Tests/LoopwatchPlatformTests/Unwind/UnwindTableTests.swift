// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchTestSupport
import Testing

@testable import LoopwatchPlatform

@Suite("Unwind tables")
struct UnwindTableTests {
    private func withReader<Result>(_ bytes: [UInt8], _ body: (inout ByteReader) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBytes { buffer in
            var reader = ByteReader(base: buffer.baseAddress!, address: 0x1000, offset: 0, limit: buffer.count)
            return try body(&reader)
        }
    }

    @Test("numbers are read as DWARF writes them, and not beyond the end")
    func numbers() {
        // The examples of DWARF 5, section 7.6.
        let unsigned: [([UInt8], UInt64)] = [
            ([2], 2), ([127], 127), ([0x80, 1], 128), ([0x81, 1], 129), ([0x82, 1], 130), ([0xb9, 0x64], 12_857),
        ]
        for (bytes, value) in unsigned { withReader(bytes) { #expect($0.unsignedLEB() == value) } }
        let signed: [([UInt8], Int64)] = [
            ([2], 2), ([0x7e], -2), ([0xff, 0], 127), ([0x81, 0x7f], -127), ([0x80, 1], 128), ([0x80, 0x7f], -128),
            ([0x81, 1], 129), ([0xff, 0x7e], -129),
        ]
        for (bytes, value) in signed { withReader(bytes) { #expect($0.signedLEB() == value) } }
        withReader([0x80, 0x80]) { #expect($0.unsignedLEB() == nil) }
        withReader(Array(repeating: 0xff, count: 40) + [1]) { #expect($0.unsignedLEB() == .max) }
        withReader([1, 2, 3]) { #expect($0.next(UInt32.self) == nil) }
        withReader([0xfc, 0xff, 0xff, 0xff]) { #expect($0.pointer(0x1b) == 0x0ffc) }
        withReader([0, 0]) { #expect($0.pointer(0x50) == nil) }
    }

    #if arch(x86_64)
        /// A linkage table's entry, as linkers describe it: the base is rsp + 8, and 8 more from the 11th byte of an entry on.
        private let linkage: [UInt8] = [11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22]

        @Test(
            "the expression of linkage tables gives the base before and after the push",
            arguments: [
                (UInt64(0x1000), UInt64(0x7008)), (0x100a, 0x7008), (0x100b, 0x7010), (0x100f, 0x7010),
            ]
        )
        func linkageExpression(programCounter: UInt64, base: UInt64) throws {
            var memory = StackMemory()
            let registers = Registers(programCounter: programCounter, stackPointer: 0x7000)
            linkage.withUnsafeBytes { buffer in
                let bytes = AddressedBytes(buffer, at: 0x5000)!
                #expect(DwarfExpression(bytes, at: 0x5000)?.value(registers: registers, memory: &memory) == base)
                // The frame pointer is not known.
            }
            ([2, 0x76, 0] as [UInt8]).withUnsafeBytes { buffer in
                let bytes = AddressedBytes(buffer, at: 0x5000)!
                #expect(DwarfExpression(bytes, at: 0x5000)?.value(registers: registers, memory: &memory) == nil)
            }
        }
    #endif

    @Test("any bytes are read as a table, a description, a row and an expression without harm", arguments: 1...4)
    func anyBytes(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var program = CallFrameProgram()
        var memory = StackMemory()
        var descriptions = 0
        for _ in 0..<3_000 * fuzzFactor {
            var bytes = (0..<512).map { _ in UInt8.random(in: 0...255, using: &generator) }
            // A common entry and one of a function, with instructions at random.
            let common: [UInt8] = [20, 0, 0, 0, 0, 0, 0, 0, 1, 0x7a, 0x52, 0, 1, 0x78, 16, 1, 0x1b]
            bytes.replaceSubrange(0..<common.count, with: common)
            bytes.replaceSubrange(24..<37, with: [255, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0] as [UInt8])
            bytes[40] = 0
            bytes[37] = 1
            if Bool.random(using: &generator) { bytes[Int.random(in: 0..<41, using: &generator)] ^= 1 << 3 }
            bytes.withUnsafeBytes { buffer in
                let whole = AddressedBytes(buffer, at: 0x10000)!
                _ = UnwindTable(whole, header: 0x10000 + UInt64.random(in: 0...600, using: &generator))
                if let description = FrameDescription(whole, at: 0x10018) {
                    descriptions += 1
                    _ = program.entries(of: description)
                    let place = description.start &+ UInt64.random(in: 0..<70_000, using: &generator)
                    if let row = program.row(at: place, of: description) {
                        let registers = Registers(dwarf: (0..<17).map { _ in generator.next() })
                        _ = row.caller(
                            of: registers,
                            base: generator.next(),
                            description: description,
                            tables: whole,
                            memory: &memory
                        )
                    }
                }
                let place = 0x10000 + UInt64.random(in: 0...600, using: &generator)
                let registers = Registers(dwarf: (0..<17).map { _ in generator.next() })
                _ = DwarfExpression(whole, at: place)?.value(registers: registers, memory: &memory)
            }
        }
        #expect(descriptions > 1_000 * fuzzFactor)
    }
}
