// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// One value for each register.
    typealias PerRegister<Element> = InlineArray<17, Element>

    /// DWARF's register numbers of x86-64 (System V ABI, AMD64 supplement, figure 3.36).
    enum Architecture {
        static let registerCount = 17
        static let framePointer = 6
        static let stackPointer = 7
        /// The return address column: the program counter in a frame.
        static let programCounter = 16
        /// Registers that a function leaves as it found them: rbx, rbp, r12 to r15.
        static let calleeSaved: UInt64 = 1 << 3 | 1 << 6 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15
        /// Stack pointer and program counter.
        static let place: UInt64 = 1 << 7 | 1 << 16
        /// How much a call moves the stack pointer: no caller's frame begins nearer.
        static let returnAddressBytes: UInt64 = 8

        /// A return address as it is in memory.
        @inline(__always)
        static func stripped(_ address: UInt64) -> UInt64 { address }
    }
#endif
