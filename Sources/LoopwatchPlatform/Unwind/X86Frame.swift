// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// A frame, while its caller is being looked for.
    struct X86Frame {
        let function: X86Function
        /// Where the caller's registers are.
        var row: CallFrameRow
        /// The frame's base; `nil` while it is not known.
        var base: UInt64?
        /// The base that the unwind table gives, where the code says another.
        var describedBase: UInt64?
        /// The row as the unwind table gives it.
        let describedRow: CallFrameRow
        /// Whether the base was found by decoding the function.
        var isDecoded = false
        /// Whether the decoder guessed.
        var isGuessed = false
        /// Whether the function has no frame of its own, which was found out from its caller's.
        var isFrameless = false
        /// Whether the evidence for the base is weak.
        var isUncertain = false

        init(_ function: X86Function, _ row: CallFrameRow) {
            self.function = function
            self.row = row
            describedRow = row
        }

        var isSignalFrame: Bool { function.description?.isSignalFrame ?? false }

        /// Takes it that the caller's frame pointer is still in its register.
        mutating func keepFramePointer() { row.set(UInt64(Architecture.framePointer), .same) }
    }

    extension CallFrameRow {
        /// The row of a function that keeps a frame pointer, after its prologue.
        static var framePointer: CallFrameRow {
            var row = CallFrameRow()
            row.base = .register(Architecture.framePointer)
            row.baseOffset = 16
            row.set(UInt64(Architecture.programCounter), .atOffset, -8)
            row.set(UInt64(Architecture.framePointer), .atOffset, -16)
            return row
        }

        /// Whether the return address is where a call puts it.
        var returnsToTop: Bool {
            rules[Architecture.programCounter] == .atOffset && values[Architecture.programCounter] == -8
        }
    }
#endif
