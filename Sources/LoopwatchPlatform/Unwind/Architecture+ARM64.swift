// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(arm64)
    /// One value for each register.
    typealias PerRegister<Element> = InlineArray<33, Element>

    /// DWARF's register numbers of arm64 (DWARF for the Arm 64-bit Architecture, section 4.1).
    ///
    /// Not tested: no such machine was at hand.
    enum Architecture {
        static let registerCount = 33
        static let framePointer = 29
        static let linkRegister = 30
        static let stackPointer = 31
        static let programCounter = 32
        /// Registers that a function leaves as it found them: x19 to x29.
        ///
        /// The link register counts as one: a function that does not store it returns to it.
        static let calleeSaved: UInt64 = ((1 << 12) - 1) << 19
        /// Stack pointer and program counter.
        static let place: UInt64 = 1 << 31 | 1 << 32
        /// How much a call moves the stack pointer.
        static let returnAddressBytes: UInt64 = 0

        /// A return address without its signature (pointer authentication): user addresses have at most 48 bits.
        @inline(__always)
        static func stripped(_ address: UInt64) -> UInt64 { address & 0x0000_ffff_ffff_ffff }
    }
#endif
