// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    extension X86InstructionDecoder {
        /// A place that is given relative to the end of the instruction.
        private var target: Int64 { Int64(position) + immediate }
        private var slot: Int64? { isRelativeToProgramCounter ? Int64(position) + displacement : nil }

        var effect: X86Instruction.Effect {
            if isVector { return .none }
            switch map {
            case Map.one: return effectOfOneByteOperation
            case Map.two: return effectOfTwoByteOperation
            default: return .none
            }
        }

        private var effectOfTwoByteOperation: X86Instruction.Effect {
            switch operation {
            case 0x80...0x8f: return .branch(target)
            case 0x0b, 0xb9, 0xff: return .trap
            case 0x40...0x4f, 0xaf, 0xb6, 0xb7, 0xbe, 0xbf:
                return register == Register.stackPointer ? .growDynamically : .none
            case 0xa0, 0xa8: return .grow(8)
            case 0xa1, 0xa9: return .grow(-8)
            default: return .none
            }
        }

        private var effectOfOneByteOperation: X86Instruction.Effect {
            let pushed: Int64 = hasOperandSize && rex & 8 == 0 ? 2 : 8
            switch operation {
            case 0x50...0x57, 0x68, 0x6a, 0x9c: return .grow(pushed)
            case 0x5c where rex & 1 == 0: return .growDynamically
            case 0x58...0x5f, 0x9d: return .grow(-pushed)
            case 0x8f: return mode == 3 && operand == Register.stackPointer ? .growDynamically : .grow(-pushed)
            case 0xe8: return .call(target)
            case 0xe9, 0xeb: return .jump(target)
            case 0x70...0x7f, 0xe0...0xe3: return .branch(target)
            case 0xc2, 0xc3, 0xca, 0xcb, 0xcf: return .return
            case 0xc9: return .leave
            case 0xc8: return .growDynamically
            case 0xcc, 0xf4: return .trap
            case 0xff: return effectOfGroup5(pushed)
            default: return effectOnStackPointer
            }
        }

        /// inc, dec, call, jmp and push of a register or of memory.
        private func effectOfGroup5(_ pushed: Int64) -> X86Instruction.Effect {
            switch register & 7 {
            case 2, 3: return .callIndirect(slot: slot)
            case 4, 5: return .jumpIndirect(slot: slot)
            case 6: return .grow(pushed)
            case 0 where mode == 3 && operand == Register.stackPointer: return .grow(-1)
            case 1 where mode == 3 && operand == Register.stackPointer: return .grow(1)
            default: return .none
            }
        }

        /// Operations that may write the stack pointer as they write any register.
        private var effectOnStackPointer: X86Instruction.Effect {
            let isOperand = mode == 3 && operand == Register.stackPointer
            let isRegister = register == Register.stackPointer
            let isWide = rex & 8 != 0
            switch operation {
            case 0x81, 0x83:
                guard isOperand else { return .none }
                // The other sizes clear or keep the upper half: nobody does that to a stack pointer.
                guard isWide || register & 7 == 7 else { return .growDynamically }
                switch register & 7 {
                case 0: return .grow(-immediate)
                case 5: return .grow(immediate)
                case 4: return .align(immediate)
                case 7: return .none
                default: return .growDynamically
                }
            // The eight operations on two registers; the last of them compares and writes nothing.
            case 0x00..<0x38 where hasOperands && mode == 3:
                let writes = operation & 7 == 1 ? isOperand : operation & 7 == 3 ? isRegister : false
                return writes ? .growDynamically : .none
            case 0x03, 0x0b, 0x13, 0x1b, 0x23, 0x2b, 0x33: return isRegister ? .growDynamically : .none
            case 0x89:
                guard isOperand else { return .none }
                return isWide && register == Register.framePointer ? .setFromFramePointer(0) : .growDynamically
            case 0x8b:
                guard isRegister else { return .none }
                let isCopy = isWide && mode == 3 && operand == Register.framePointer
                return isCopy ? .setFromFramePointer(0) : .growDynamically
            case 0x8d:
                guard isRegister else { return .none }
                guard isWide else { return .growDynamically }
                if plainBase == Register.framePointer { return .setFromFramePointer(displacement) }
                return plainBase == Register.stackPointer ? .grow(-displacement) : .growDynamically
            case 0x87: return mode == 3 && (isOperand || isRegister) ? .growDynamically : .none
            case 0x63, 0x69, 0x6b: return isRegister ? .growDynamically : .none
            case 0xc1, 0xc7, 0xd1, 0xd3: return isOperand ? .growDynamically : .none
            case 0xf7: return isOperand && (2...3).contains(register & 7) ? .growDynamically : .none
            case 0x94, 0xbc: return rex & 1 == 0 ? .growDynamically : .none
            default: return .none
            }
        }
    }
#endif
