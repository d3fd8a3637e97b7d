// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if DEBUG || FUZZING
    @testable import LoopwatchPlatform

    /// What is read of the code that a program has in memory.
    enum CodeTargets {
        /// A segment with an unwind table: its header is at the start, and looked up is what the last bytes say.
        static func unwindTable(_ bytes: UnsafeBufferPointer<UInt8>) {
            let raw = UnsafeRawBufferPointer(bytes)
            guard let segment = AddressedBytes(raw, at: 0x10000) else { return }
            let asked = segment.load(UInt64.self, at: 0x10000 + UInt64(max(0, raw.count - 8))) ?? 0
            let registers = Registers(dwarf: (0..<17).map { asked &+ UInt64($0) * 8 })
            var memory = StackMemory()
            memory.begin(copy: raw, at: asked)
            var program = CallFrameProgram()
            var found: [FrameDescription] = []
            if let table = UnwindTable(segment, header: 0x10000) {
                for address in [asked, 0x10000 &+ asked % 0x1000, 0, .max] {
                    _ = table.gap(around: address)
                    if let description = table.description(at: address) { found.append(description) }
                }
            }
            // Descriptions also where no table leads to them.
            for place in stride(from: UInt64(0), to: UInt64(min(raw.count, 256)), by: 4) {
                if let description = FrameDescription(segment, at: 0x10000 + place) { found.append(description) }
            }
            for description in found.prefix(16) {
                _ = program.entries(of: description)
                for address in [description.start, description.end &- 1, asked] {
                    guard let row = program.row(at: address, of: description) else { continue }
                    _ = row.caller(
                        of: registers,
                        base: asked,
                        description: description,
                        tables: segment,
                        memory: &memory
                    )
                }
            }
            _ = DwarfExpression(segment, at: 0x10000 + asked % 64)?.value(registers: registers, memory: &memory)
        }

        /// Machine code.
        static func instructions(_ bytes: UnsafeBufferPointer<UInt8>) {
            #if arch(x86_64)
                let raw = UnsafeRawBufferPointer(bytes)
                var place = 0
                while place < raw.count {
                    let rest = UnsafeRawBufferPointer(rebasing: raw[place...])
                    guard let instruction = X86InstructionDecoder.decode(rest) else {
                        place += 1
                        continue
                    }
                    FuzzTarget.expect(
                        instruction.length > 0 && instruction.length <= min(15, rest.count),
                        "an instruction of \(instruction.length) bytes"
                    )
                    place += Int(instruction.length)
                }
            #endif
        }
    }
#endif
