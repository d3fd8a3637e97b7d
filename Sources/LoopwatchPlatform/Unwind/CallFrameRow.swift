// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is true of a frame at one address of its function: where its base is, and where the caller's registers are.
///
/// The base is the canonical frame address (CFA) of DWARF: the stack pointer as it was before the call.
struct CallFrameRow {
    /// How the caller's value of a register is found (DWARF 5, section 6.4.1).
    enum Rule: UInt8 {
        /// It is what it is in this frame.
        case same
        /// It is lost.
        case undefined
        /// It is in memory, at the base plus the value.
        case atOffset
        /// It is the base plus the value.
        case offset
        /// It is in the register with the value as its number.
        case register
        /// It is in memory, at the address that an expression gives.
        case atExpression
        /// It is what an expression gives.
        case expression
    }

    /// What the base is relative to.
    enum Base {
        case register(Int)
        /// An expression, whose address is the row's base offset.
        case expression
    }

    /// What the base is relative to.
    var base = Base.register(-1)
    /// The base's distance from its register, or the address of its expression.
    var baseOffset: Int64 = 0
    /// The rule of each register.
    var rules = PerRegister<Rule>(repeating: .same)
    /// What each rule needs: an offset, a register, or the address of an expression.
    var values = PerRegister<Int64>(repeating: 0)

    /// The register that the base is relative to, if it is one.
    @inline(__always)
    var baseRegister: Int? {
        guard case .register(let number) = base else { return nil }
        return number
    }

    /// Sets a register's rule; registers that the architecture does not have are ignored.
    @inline(__always)
    mutating func set(_ register: UInt64, _ rule: Rule, _ value: Int64 = 0) {
        guard register < UInt64(Architecture.registerCount) else { return }
        rules[Int(register)] = rule
        values[Int(register)] = value
    }

    /// Takes a register's rule from another row.
    @inline(__always)
    mutating func restore(_ register: UInt64, from row: CallFrameRow) {
        guard register < UInt64(Architecture.registerCount) else { return }
        rules[Int(register)] = row.rules[Int(register)]
        values[Int(register)] = row.values[Int(register)]
    }

    /// The registers of the caller.
    ///
    /// - Parameters:
    ///   - registers: those of this frame.
    ///   - base: the frame's base.
    ///   - description: where the row is from; `nil` if it was made up.
    ///   - tables: what expressions lie in.
    ///   - memory: the stack.
    /// - Returns: `nil` if the return address or the stack pointer cannot be had.
    func caller(
        of registers: Registers,
        base: UInt64,
        description: FrameDescription?,
        tables: AddressedBytes?,
        memory: inout StackMemory
    ) -> Registers? {
        let isSignalFrame = description?.isSignalFrame ?? false
        var caller = Registers()
        caller.set(Architecture.stackPointer, to: base)
        // Not a `for`: where nothing is optimised, each step of one takes a lock of the Swift runtime.
        var number = -1
        while number < Architecture.registerCount - 1 {
            number += 1
            let value: UInt64?
            switch rules[number] {
            case .same:
                let isKept = isSignalFrame || Architecture.calleeSaved >> UInt64(number) & 1 == 1
                value = isKept && number != Architecture.stackPointer ? registers[number] : nil
            case .undefined: value = nil
            case .atOffset: value = memory.word(at: base &+ UInt64(bitPattern: values[number]))
            case .offset: value = base &+ UInt64(bitPattern: values[number])
            case .register: value = registers[Int(truncatingIfNeeded: values[number])]
            case .atExpression:
                value = evaluated(number, registers, base, tables, &memory).flatMap { memory.word(at: $0) }
            case .expression: value = evaluated(number, registers, base, tables, &memory)
            }
            if let value {
                caller.set(number, to: value)
            } else if number == Architecture.stackPointer, rules[number] != .same {
                return nil
            }
        }
        let column = description?.returnAddressRegister ?? Architecture.programCounter
        // The register that the caller's place was taken from is known to be that place now, and nothing else.
        guard
            let place = column == Architecture.programCounter
                ? caller[column] : returnAddress(column, caller, registers)
        else { return nil }
        caller.set(Architecture.programCounter, to: Architecture.stripped(place))
        return caller
    }

    /// The return address where it is in a register of its own (arm64: the link register).
    private func returnAddress(_ column: Int, _ caller: Registers, _ registers: Registers) -> UInt64? {
        if rules[column] == .same { return registers[column] }
        return caller[column]
    }

    @inline(never)
    private func evaluated(
        _ number: Int,
        _ registers: Registers,
        _ base: UInt64,
        _ tables: AddressedBytes?,
        _ memory: inout StackMemory
    ) -> UInt64? {
        guard let tables else { return nil }
        let place = UInt64(bitPattern: values[number])
        return DwarfExpression(tables, at: place)?.value(registers: registers, memory: &memory, initial: base)
    }
}
