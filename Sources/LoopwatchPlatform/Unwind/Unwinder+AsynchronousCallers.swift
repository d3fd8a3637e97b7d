// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

extension Unwinder {
    /// Appends the callers of an asynchronous function: the functions that will go on when it has returned.
    ///
    /// A context begins with the address of the parent's context and the function that resumes it (`AsyncContext` of the
    /// Swift ABI). Contexts are on the heap, and are read as memory that may be gone. Where the stack is a copy, the thread
    /// has gone on since and its contexts may be others now: then the callers are marked as uncertain.
    ///
    /// - Parameters:
    ///   - contextSlot: where on the stack the function keeps its own context.
    ///   - stack: the stack to append to.
    ///   - memory: the stack's memory.
    ///   - framesMost: most frames that the stack may have then.
    mutating func appendAsynchronousCallers(
        contextSlot: UInt64,
        to stack: inout RawStack,
        memory: inout StackMemory,
        framesMost: Int
    ) {
        guard var context = memory.word(at: contextSlot) else { return }
        let isUncertain = memory.isCopy || stack.isTruncated
        // Brent's way to see a cycle: one context is kept, at growing distances.
        var kept = context
        var distance = 0
        var distanceMost = 1
        for _ in 0..<UnwindLimits.asynchronousCallersMost {
            guard stack.frames.count < framesMost, context != 0, context % 8 == 0,
                let (parent, signed) = memory.livingWords(at: context),
                case let function = Architecture.stripped(signed), modules.holdsCode(function)
            else { return }
            stack.frames.append(
                RawFrame(
                    address: function,
                    isReturnAddress: false,
                    link: .asynchronous,
                    isUncertain: isUncertain
                )
            )
            if parent == kept { return }
            distance += 1
            if distance == distanceMost {
                kept = parent
                distance = 0
                distanceMost *= 2
            }
            context = parent
        }
    }
}
