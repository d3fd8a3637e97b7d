// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// One instruction of x86-64: its length, and what it does to the stack pointer and the flow of control.
    ///
    /// Encodings: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 and appendix A.
    struct X86Instruction: Equatable {
        /// What the instruction does, as far as unwinding is concerned.
        enum Effect: Equatable {
            /// Nothing that matters.
            case none
            /// Makes the stack larger by so many bytes (smaller if negative).
            case grow(Int64)
            /// Rounds the stack pointer down: the mask.
            case align(Int64)
            /// Moves the stack pointer by what only a running program knows.
            case growDynamically
            /// Sets the stack pointer relative to the frame pointer: the offset.
            case setFromFramePointer(Int64)
            /// `leave`: only the return address is on the stack after it.
            case leave
            /// Returns.
            case `return`
            /// Jumps to a place relative to the instruction's beginning.
            case jump(Int64)
            /// Jumps there on a condition.
            case branch(Int64)
            /// Jumps to where a register or memory says; the offset, from the instruction's beginning, of the pointer, where it
            /// is found relative to the program counter.
            case jumpIndirect(slot: Int64?)
            /// Calls a function relative to the instruction's beginning.
            case call(Int64)
            /// Calls where a register or memory says; the pointer as for a jump.
            case callIndirect(slot: Int64?)
            /// Traps.
            case trap
        }

        /// Length in bytes, 1 to 15.
        var length: Int
        /// What it does.
        var effect: Effect
    }
#endif
