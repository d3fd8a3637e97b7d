// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// Reads one instruction: its prefixes, its operation, and the lengths of its operands.
    ///
    /// Knows nothing of what an instruction computes, only how long it is, and whether it moves the stack pointer.
    struct X86InstructionDecoder {
        /// Which table an operation is of.
        enum Map {
            static let one: UInt8 = 0
            static let two: UInt8 = 1
            static let three38: UInt8 = 2
            static let three3A: UInt8 = 3
            static let xop8: UInt8 = 8
            static let xopA: UInt8 = 10
        }

        private let bytes: UnsafeRawPointer
        private let limit: Int
        private(set) var position = 0
        private(set) var hasOperandSize = false
        private var hasAddressSize = false
        private(set) var isVector = false
        private var isEvex = false
        private(set) var rex: UInt8 = 0
        private(set) var map = Map.one
        private(set) var operation: UInt8 = 0
        private(set) var hasOperands = false
        private var immediateBytes = 0
        private(set) var immediate: Int64 = 0
        /// The fields of the ModRM byte; registers with the bit that REX adds.
        private(set) var mode: UInt8 = 3
        private(set) var register: UInt8 = 0
        private(set) var operand: UInt8 = 0
        private(set) var displacement: Int64 = 0
        /// The base register of an address that is a base and a displacement, and no index.
        private(set) var plainBase: UInt8?
        private(set) var isRelativeToProgramCounter = false

        /// The stack pointer's and the frame pointer's number in instructions.
        enum Register {
            static let stackPointer: UInt8 = 4
            static let framePointer: UInt8 = 5
        }

        private init(_ bytes: UnsafeRawPointer, limit: Int) {
            self.bytes = bytes
            self.limit = limit
        }

        /// Decodes the first instruction of some bytes; `nil` if it is not all there, or is none that is known.
        static func decode(_ bytes: UnsafeRawBufferPointer) -> X86Instruction? {
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return nil }
            var decoder = X86InstructionDecoder(base, limit: min(bytes.count, 15))
            guard decoder.readPrefixes() != nil, decoder.readOperation() != nil, decoder.readOperands() != nil,
                decoder.readImmediate() != nil
            else { return nil }
            return X86Instruction(length: decoder.position, effect: decoder.effect)
        }

        @inline(__always)
        private mutating func next() -> UInt8? {
            guard position < limit else { return nil }
            defer { position += 1 }
            return bytes.load(fromByteOffset: position, as: UInt8.self)
        }

        /// Bytes of an immediate operand that is as large as the operands, but at most 4.
        private var sizedImmediate: Int { hasOperandSize && rex & 8 == 0 ? 2 : 4 }

        private mutating func readPrefixes() -> Void? {
            while let byte = next() {
                switch byte {
                case 0x66: hasOperandSize = true
                case 0x67: hasAddressSize = true
                case 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65: break
                case 0x40...0x4f:
                    rex = byte
                    guard let following = next() else { return nil }
                    operation = following
                    return ()
                default:
                    operation = byte
                    return ()
                }
            }
            return nil
        }

        private mutating func readOperation() -> Void? {
            switch operation {
            case 0xc4, 0xc5, 0x62: return readVectorOperation()
            // Where pop would have a register number, XOP has its table.
            case 0x8f where position < limit && bytes.load(fromByteOffset: position, as: UInt8.self) & 0x1f >= 8:
                return readVectorOperation()
            case 0x0f:
                guard let second = next() else { return nil }
                guard second == 0x38 || second == 0x3a else {
                    map = Map.two
                    operation = second
                    describeTwoByteOperation()
                    return ()
                }
                guard let third = next() else { return nil }
                map = second == 0x38 ? Map.three38 : Map.three3A
                operation = third
                hasOperands = true
                immediateBytes = second == 0x3a ? 1 : 0
                return ()
            default: return describeOneByteOperation()
            }
        }

        /// VEX, EVEX and AMD's XOP: two to four bytes of prefix that name the table.
        private mutating func readVectorOperation() -> Void? {
            isVector = true
            isEvex = operation == 0x62
            let prefixBytes = operation == 0xc5 ? 1 : isEvex ? 3 : 2
            guard let first = next() else { return nil }
            map = operation == 0xc5 ? Map.two : first & (isEvex ? 0x07 : 0x1f)
            for _ in 1..<prefixBytes where next() == nil { return nil }
            guard let last = next() else { return nil }
            operation = last
            hasOperands = true
            if map == Map.two {
                if operation == 0x77, !isEvex { hasOperands = false }
                switch operation {
                case 0x70...0x73, 0xc2, 0xc4...0xc6: immediateBytes = 1
                default: break
                }
            } else if map == Map.three3A || map == Map.xop8 {
                immediateBytes = 1
            } else if map == Map.xopA {
                immediateBytes = 4
            }
            return ()
        }

        private mutating func describeTwoByteOperation() {
            hasOperands = true
            switch operation {
            case 0x05...0x09, 0x0b, 0x0e, 0x30...0x37, 0x77, 0xa0...0xa2, 0xa8...0xaa, 0xc8...0xcf: hasOperands = false
            case 0x80...0x8f:
                hasOperands = false
                immediateBytes = 4
            case 0x0f, 0x70...0x73, 0xa4, 0xac, 0xba, 0xc2, 0xc4...0xc6: immediateBytes = 1
            default: break
            }
        }

        private mutating func describeOneByteOperation() -> Void? {
            switch operation {
            case 0x00..<0x40:
                switch operation & 7 {
                case 0...3: hasOperands = true
                case 4: immediateBytes = 1
                case 5: immediateBytes = sizedImmediate
                default: return nil
                }
            case 0x50...0x5f, 0x6c...0x6f, 0x90...0x99, 0x9b...0x9f, 0xa4...0xa7, 0xaa...0xaf, 0xc3, 0xc9, 0xcb, 0xcc,
                0xcf,
                0xd7, 0xec...0xef, 0xf1, 0xf4, 0xf5, 0xf8...0xfd:
                break
            case 0x63, 0x84...0x8f, 0xd0...0xd3, 0xd8...0xdf, 0xf6, 0xf7, 0xfe, 0xff: hasOperands = true
            case 0x6a, 0x70...0x7f, 0xa8, 0xb0...0xb7, 0xcd, 0xe0...0xe7, 0xeb: immediateBytes = 1
            case 0x6b, 0x80, 0x83, 0xc0, 0xc1, 0xc6:
                hasOperands = true
                immediateBytes = 1
            case 0x69, 0x81, 0xc7:
                hasOperands = true
                immediateBytes = sizedImmediate
            case 0x68, 0xa9: immediateBytes = sizedImmediate
            case 0xa0...0xa3: immediateBytes = hasAddressSize ? 4 : 8
            case 0xb8...0xbf: immediateBytes = rex & 8 != 0 ? 8 : sizedImmediate
            case 0xc2, 0xca: immediateBytes = 2
            case 0xc8: immediateBytes = 3
            case 0xe8, 0xe9: immediateBytes = 4
            default: return nil
            }
            return ()
        }

        /// Reads the ModRM byte, the SIB byte and the displacement, where there are any.
        private mutating func readOperands() -> Void? {
            guard hasOperands else { return () }
            guard let byte = next() else { return nil }
            mode = byte >> 6
            register = (byte >> 3) & 7 | (rex & 4) << 1
            operand = byte & 7
            if !isVector, map == Map.one, operation == 0xf6 || operation == 0xf7, register & 7 < 2 {
                immediateBytes = operation == 0xf6 ? 1 : sizedImmediate
            }
            if mode != 3 {
                var displacementBytes = mode == 1 ? 1 : mode == 2 ? 4 : 0
                if operand == 4 {
                    guard let scaled = next() else { return nil }
                    let hasIndex = (scaled >> 3) & 7 != 4 || rex & 2 != 0
                    if scaled & 7 == 5, mode == 0 {
                        displacementBytes = 4
                    } else if !hasIndex {
                        plainBase = scaled & 7 | (rex & 1) << 3
                    }
                } else if operand == 5, mode == 0 {
                    displacementBytes = 4
                    isRelativeToProgramCounter = true
                } else {
                    plainBase = operand | (rex & 1) << 3
                }
                guard let value = readSigned(displacementBytes) else { return nil }
                displacement = value
            }
            operand |= (rex & 1) << 3
            return ()
        }

        private mutating func readImmediate() -> Void? {
            guard let value = readSigned(immediateBytes) else { return nil }
            immediate = value
            return ()
        }

        private mutating func readSigned(_ count: Int) -> Int64? {
            guard limit - position >= count else { return nil }
            defer { position += count }
            switch count {
            case 1: return Int64(bytes.loadUnaligned(fromByteOffset: position, as: Int8.self))
            case 2: return Int64(bytes.loadUnaligned(fromByteOffset: position, as: Int16.self))
            case 4: return Int64(bytes.loadUnaligned(fromByteOffset: position, as: Int32.self))
            default: return 0
            }
        }
    }
#endif
