// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The bounds of the unwinder: what it reads is other threads' memory and may be garbage.
enum UnwindLimits {
    /// Pieces of modules (segments and table headers) that are known at once: more than a thousand modules.
    static let modulePiecesMost = 8_192
    /// Bytes of one piece of memory that may go, or is another process's, which are copied at once: several pages, because
    /// one call costs more than a page.
    static let copiedPieceBytes = 16 * 1_024
    /// Bytes of code and tables of another process that are kept: those of a few thousand functions, not of its binaries.
    static let copiedBytesMost = 64 * 1_024 * 1_024
    /// Bytes of the header of an unwind table: four, and two pointers of at most ten.
    static let tableHeaderBytesMost: UInt64 = 24
    /// Bytes of the length of an expression: as many as 64 bits take.
    static let expressionLengthBytesMost: UInt64 = 10
    /// Bytes of one piece of stack: no more than a page of any Linux, so that a piece is mapped as a whole or not at all.
    static let stackPieceBytes: UInt64 = 4_096
    /// Pieces of one stack that are kept: 8 MiB, the size of a main thread's stack.
    ///
    /// Words beyond are read one by one.
    static let stackPiecesMost = 2_048
    /// Rows that DW_CFA_remember_state may have open: compilers use one.
    static let rememberedRowsMost = 16
    /// Values on the stack of a DWARF expression: those of linkage tables use four.
    static let expressionStackMost = 32
    /// Operations of a DWARF expression that are carried out.
    static let expressionOperationsMost = 256
    /// Bytes of a function whose code is decoded for its stack depth.
    static let decodedFunctionBytesMost = 256 * 1024
    /// Rows of a function that are looked at while its code is decoded.
    static let decodedRowsMost = 4_096
    /// Times that a function's code is gone through until its depths are settled.
    static let decodingPassesMost = 6
    /// Functions' depths that are remembered, each in one slot by its address; a power of two.
    static let depthCacheSlots = 4_096
    /// Bytes before an address in which the beginning of a function without a table entry is looked for.
    static let prologueSearchBytes: UInt64 = 64 * 1024
    /// Bytes of a leaf function without a table entry.
    static let leafBytesMost: UInt64 = 32 * 1024
    /// Bytes of stack that are searched for the frame of a function that moves its stack pointer as it runs.
    static let frameSearchBytes: UInt64 = 1024 * 1024
    /// Candidates for such a frame whose callers are followed.
    static let frameCandidatesMost = 64
    /// Callers of a candidate that are followed.
    static let candidateFramesMost = 256
    /// Steps of one unwinding in all, those that check a candidate included, beyond the frames that were asked for.
    static let checkingStepsMost = 4_096
    /// Jumps of linkage tables that are followed from a call to its target.
    static let linkageJumpsMost = 3
    /// Words of stack in which the frame pointer of generated code is looked for where it is not known.
    static let framePointerSearchWords = 2_048
    /// Frames that must be linked to each other for that to be believed.
    static let framePointerLinksLeast = 4
    /// Asynchronous callers that are followed.
    static let asynchronousCallersMost = 64
    /// Bytes at the beginning of a function in which the prologue of an asynchronous one is looked for.
    static let asynchronousPrologueBytes = 24
}
