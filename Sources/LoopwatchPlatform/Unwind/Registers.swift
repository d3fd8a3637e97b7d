// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The registers of a thread in one of its frames, as far as they are known.
///
/// Numbered as DWARF does for the architecture.
package struct Registers: Sendable {
    private var words: PerRegister<UInt64>
    private var known: UInt64

    /// Creates registers of which only the program counter and the stack pointer are known: all that the kernel tells of a
    /// thread that is not touched.
    package init(programCounter: UInt64, stackPointer: UInt64) {
        words = PerRegister(repeating: 0)
        known = 0
        set(Architecture.programCounter, to: programCounter)
        set(Architecture.stackPointer, to: stackPointer)
    }

    /// Creates registers from all their values, in DWARF's order (x86-64: 17, arm64: 33; the last is the program counter).
    ///
    /// Of what is missing at the end nothing is known; what is more is ignored.
    package init(dwarf values: some Sequence<UInt64>) {
        words = PerRegister(repeating: 0)
        known = 0
        for (number, value) in values.prefix(Architecture.registerCount).enumerated() { set(number, to: value) }
    }

    /// Creates registers of which nothing is known.
    init() {
        words = PerRegister(repeating: 0)
        known = 0
    }

    /// The program counter, 0 if it is not known.
    package var programCounter: UInt64 { words[Architecture.programCounter] }
    /// The stack pointer, 0 if it is not known.
    package var stackPointer: UInt64 { words[Architecture.stackPointer] }

    /// The value of a register; `nil` if it is not known, or there is no such register.
    @inline(__always)
    subscript(number: Int) -> UInt64? {
        guard number >= 0, number < Architecture.registerCount, known >> UInt64(number) & 1 == 1 else { return nil }
        return words[number]
    }

    /// Makes a register known.
    @inline(__always)
    mutating func set(_ number: Int, to value: UInt64) {
        guard number >= 0, number < Architecture.registerCount else { return }
        words[number] = value
        known |= 1 << UInt64(number)
    }

    /// Forgets all registers that a call may change.
    mutating func forgetCallerSaved() { known &= Architecture.calleeSaved | Architecture.place }
}
