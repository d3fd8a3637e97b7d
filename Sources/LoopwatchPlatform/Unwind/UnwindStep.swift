// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What one step from a frame to its caller came to.
enum UnwindStep {
    /// The caller.
    case caller(UnwoundCaller)
    /// There is none: the thread begins here.
    case base
    /// It cannot be found.
    case unknown
}

/// How careful a step is.
enum UnwindStepPurpose {
    /// It is one of the stack's own.
    case unwinding
    /// It tries a frame that may not be one: frames are not searched for from there.
    case trying
    /// It checks a frame that may not be one, so that in addition all that can be compared must agree.
    case checking
}

/// A caller that was found.
struct UnwoundCaller {
    /// Its registers.
    var registers: Registers
    /// Address of the first byte of the function that it called; 0 if that is not known.
    var function: UInt64
    /// Whether the kernel called, for a signal: then the caller's address is not past a call.
    var isSignalFrame = false
    /// Whether it was found by evidence that is weaker than a proof.
    var isUncertain = false
    /// Where the called function keeps its asynchronous context; `nil` if it is not asynchronous.
    var asynchronousContextSlot: UInt64?
}
