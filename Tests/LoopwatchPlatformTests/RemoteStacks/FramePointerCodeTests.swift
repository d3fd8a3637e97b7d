// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("Unwinding code that keeps frame pointers")
struct FramePointerCodeTests {
    /// Code without a table, from 0x10000 on; what it does is of no interest.
    private static let codeStart: UInt64 = 0x1_0000
    private static let stackStart: UInt64 = 0x7000_0000

    private func unwound(
        _ words: [UInt64],
        framePointer: UInt64?,
        keepsFramePointers: Bool = true
    ) -> (RawStack, [Int: UInt64]) {
        let code = [UInt8](repeating: 0x90, count: 4_096)
        return code.withUnsafeBytes { bytes in
            let module = Module(
                code: AddressedBytes(bytes, at: Self.codeStart)!,
                table: nil,
                isPermanent: true,
                keepsFramePointers: keepsFramePointers
            )
            var unwinder = Unwinder(modules: ModuleTable(modules: [module]))
            var memory = StackMemory()
            words.withUnsafeBytes { memory.begin(copy: $0, at: Self.stackStart) }
            var registers = Registers(programCounter: Self.codeStart + 0x100, stackPointer: Self.stackStart)
            if let framePointer { registers.set(Architecture.framePointer, to: framePointer) }
            let stack = unwinder.unwind(from: registers, memory: &memory, framesMost: 50)
            return (stack, unwinder.framePointers)
        }
    }

    /// Six frames of four words, each linked to the next, with some words of no meaning before.
    private var words: [UInt64] {
        var words: [UInt64] = [1, 2, 3, 4]
        for index in 0..<6 {
            let place = Self.stackStart + UInt64(words.count * 8)
            words += [index < 5 ? place + 32 : 0, index < 5 ? Self.codeStart + UInt64(0x200 + 16 * index) : 0, 7, 8]
        }
        return words
    }

    @Test("follows the frame pointers, and tells them")
    func followed() {
        let (stack, framePointers) = unwound(words, framePointer: Self.stackStart + 32)
        #expect(stack.frames.map(\.address).prefix(4) == [0x1_0100, 0x1_0200, 0x1_0210, 0x1_0220])
        #expect(stack.frames.count == 6)
        #expect(framePointers[0] == Self.stackStart + 32 && framePointers[2] == Self.stackStart + 96)
    }

    @Test("finds where they begin if that is not known")
    func searched() {
        let (stack, framePointers) = unwound(words, framePointer: nil)
        #expect(stack.frames.count == 6 && framePointers[0] == Self.stackStart + 32)
        // Too few links to be believed.
        let (short, none) = unwound(Array(words.prefix(12)), framePointer: nil)
        #expect(short.frames.count == 1 && none.isEmpty)
    }

    @Test(
        "ends where a frame pointer is none",
        arguments: [0, 8, 0x6fff_fff8, 0x7000_0021, .max, .max - 7] as [UInt64]
    )
    func damaged(framePointer: UInt64) {
        let (stack, _) = unwound(words, framePointer: framePointer)
        #expect(stack.frames.count == 1 && stack.isTruncated)
    }

    @Test("is not tried with other code")
    func others() {
        let (stack, framePointers) = unwound(words, framePointer: nil, keepsFramePointers: false)
        #expect(stack.frames.count == 1 && framePointers.isEmpty)
    }
}
