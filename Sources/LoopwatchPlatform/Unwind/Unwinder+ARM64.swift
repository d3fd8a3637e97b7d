// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(arm64)
    extension Unwinder {
        /// Goes from a frame to its caller, by the unwind table.
        ///
        /// Not tested: no such machine was at hand. Where a register that the table refers to is not known, nothing is decoded:
        /// the caller is unknown.
        mutating func step(
            from registers: Registers,
            isExact: Bool,
            purpose: UnwindStepPurpose,
            memory: inout StackMemory
        ) -> UnwindStep {
            guard stepsLeft > 0 else { return .unknown }
            stepsLeft -= 1
            let place = isExact ? registers.programCounter : registers.programCounter &- 1
            if modules.hasFramePointerCode, isFramePointerCode(place) {
                return framePointerStep(from: registers, memory: &memory)
            }
            guard let table = modules.module(at: place)?.table, let description = table.description(at: place),
                let row = program.row(at: place, of: description)
            else { return .unknown }
            if row.rules[description.returnAddressRegister] == .undefined { return .base }
            let base: UInt64?
            if let register = row.baseRegister {
                base = registers[register].map { $0 &+ UInt64(bitPattern: row.baseOffset) }
            } else {
                base = DwarfExpression(table.bytes, at: UInt64(bitPattern: row.baseOffset))?
                    .value(registers: registers, memory: &memory)
            }
            guard let base,
                let caller = row.caller(
                    of: registers,
                    base: base,
                    description: description,
                    tables: table.bytes,
                    memory: &memory
                )
            else { return .unknown }
            if caller.programCounter == 0 { return .base }
            // Only the innermost function may have no frame at all.
            let isAbove =
                isExact ? caller.stackPointer >= registers.stackPointer : caller.stackPointer > registers.stackPointer
            guard description.isSignalFrame || isAbove,
                isPlace(caller.programCounter, isExact: description.isSignalFrame)
            else { return .unknown }
            return .caller(
                UnwoundCaller(
                    registers: caller,
                    function: description.start,
                    isSignalFrame: description.isSignalFrame
                )
            )
        }

        /// The caller where there is no table: by the frame record that the frame pointer leads to (Procedure Call Standard for
        /// the Arm 64-bit Architecture, section 6.4.6).
        mutating func fallbackCaller(
            of registers: Registers,
            isExact: Bool,
            memory: inout StackMemory
        ) -> UnwoundCaller? {
            guard let framePointer = registers[Architecture.framePointer], framePointer % 16 == 0,
                framePointer >= registers.stackPointer, framePointer < .max - 16,
                let saved = memory.word(at: framePointer), let signed = memory.word(at: framePointer &+ 8),
                case let address = Architecture.stripped(signed), isPlace(address, isExact: false)
            else { return nil }
            var caller = Registers(programCounter: address, stackPointer: framePointer &+ 16)
            caller.set(Architecture.framePointer, to: saved)
            return UnwoundCaller(registers: caller, function: 0, isUncertain: true)
        }
    }
#endif
