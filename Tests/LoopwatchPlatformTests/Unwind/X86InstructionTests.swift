// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import LoopwatchTestSupport
    import Testing

    @testable import LoopwatchPlatform

    @Suite("x86-64 instructions")
    struct X86InstructionTests {
        /// An instruction as bytes, and what it does as text.
        private static func vectors() throws -> [(bytes: [UInt8], effect: String)] {
            let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
            let file = try #require(fopen("/\(folder)/Fixtures/unwind/x86-instructions.txt", "r"))
            defer { fclose(file) }
            var line: UnsafeMutablePointer<CChar>?
            var capacity = 0
            defer { free(line) }
            var result: [(bytes: [UInt8], effect: String)] = []
            while getline(&line, &capacity, file) > 0, let line {
                let fields = String(cString: line).split(maxSplits: 1) { $0 == " " }
                guard fields.count == 2, !fields[0].hasPrefix("#") else { continue }
                let digits = Array(fields[0])
                let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                    UInt8(String(digits[$0...$0 + 1]), radix: 16)
                }
                result.append((bytes, String(fields[1].dropLast())))
            }
            return result
        }

        private func decode(_ bytes: [UInt8]) -> X86Instruction? {
            bytes.withUnsafeBytes { X86InstructionDecoder.decode($0) }
        }

        /// An effect in the words of the vectors.
        private func text(_ effect: X86Instruction.Effect) -> String {
            switch effect {
            case .none: "none"
            case .grow(let bytes): "grow \(bytes)"
            case .align(let mask): "align \(mask)"
            case .growDynamically: "dynamic"
            case .setFromFramePointer(let offset): "frame \(offset)"
            case .leave: "leave"
            case .return: "return"
            case .jump: "jump"
            case .branch: "branch"
            case .jumpIndirect: "jumpIndirect"
            case .call: "call"
            case .callIndirect: "callIndirect"
            case .trap: "trap"
            }
        }

        @Test("have the length and the effect that another disassembler gives them")
        func vectorsAgree() throws {
            let vectors = try Self.vectors()
            #expect(vectors.count > 500)
            for vector in vectors {
                // What follows must not matter.
                for padding in [UInt8(0), 0x90, 0xff] {
                    let instruction = decode(vector.bytes + Array(repeating: padding, count: 15))
                    #expect(instruction?.length == vector.bytes.count, "\(vector)")
                    #expect(instruction.map { text($0.effect) } == vector.effect, "\(vector)")
                }
            }
        }

        @Test("are not read where they are not all there")
        func truncated() throws {
            for vector in try Self.vectors() {
                for count in 0..<vector.bytes.count {
                    let instruction = decode(Array(vector.bytes[..<count]))
                    #expect(instruction == nil || instruction!.length <= count, "\(vector) cut to \(count)")
                }
            }
        }

        @Test("relative places are counted from the instruction's beginning")
        func relativePlaces() {
            #expect(decode([0xe8, 0x10, 0, 0, 0])?.effect == .call(0x15))
            #expect(decode([0xeb, 0xfe])?.effect == .jump(0))
            #expect(decode([0x0f, 0x84, 0xfa, 0xff, 0xff, 0xff])?.effect == .branch(0))
            #expect(decode([0xff, 0x15, 0x10, 0, 0, 0])?.effect == .callIndirect(slot: 0x16))
            #expect(decode([0xff, 0x25, 0x10, 0, 0, 0])?.effect == .jumpIndirect(slot: 0x16))
            #expect(decode([0xff, 0xd0])?.effect == .callIndirect(slot: nil))
        }

        @Test("any bytes are decoded or refused, within their bounds", arguments: [UInt64(1), 2, 3])
        func anyBytes(seed: UInt64) {
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<100_000 {
                let bytes = (0..<Int.random(in: 0...16, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                if let instruction = decode(bytes) {
                    #expect(
                        instruction.length >= 1 && instruction.length <= min(15, bytes.count),
                        "seed \(seed): \(bytes)"
                    )
                }
            }
        }
    }
#endif
