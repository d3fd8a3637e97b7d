// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Finds the callers of a thread of this process or another, from its registers, or from no more than its program counter
/// and stack pointer, and the words of its stack.
///
/// Unwind tables give a caller where the registers that they refer to are known. Where they are not, or there is no table,
/// the function's own code tells how far its stack pointer is from its frame's base; and where only a running program could
/// know that, the stack is searched for a frame that all its callers agree with. What cannot be found ends the stack: it is
/// then short and says so, and is never continued with a guess. Frames found by evidence that is weaker than a proof are
/// marked.
///
/// Belongs to one thread. Allocates when it is created and when modules change, and one array for each stack. Takes no lock
/// but in `init()` and `refreshModules()`, which take the loader's.
package struct Unwinder: ~Copyable {
    var modules: ModuleTable
    var program = CallFrameProgram()
    #if arch(x86_64)
        var depths = X86StackDepthFinder()
    #endif
    /// Steps that this unwinding may still take: it ends on any stack.
    var stepsLeft = 0
    /// The frame pointers of frames of the latest stack whose code always has one (``Module/keepsFramePointers``), by the
    /// frame's position.
    package internal(set) var framePointers: [Int: UInt64] = [:]

    /// Creates an unwinder, and reads the table of modules.
    package init() { modules = ModuleTable() }

    /// Creates an unwinder for modules that are not those of this process.
    package init(modules: ModuleTable) { self.modules = modules }

    /// Reads the table of modules anew, if one was loaded or unloaded since.
    ///
    /// Takes the loader's lock, which a blocked thread may hold: never between a capture and the end of its unwinding.
    package mutating func refreshModules() {
        guard modules.refresh() else { return }
        #if arch(x86_64)
            depths.forget()
        #endif
    }

    /// Goes on with other modules.
    package mutating func replaceModules(_ modules: ModuleTable) {
        self.modules = modules
        forgetDepths()
    }

    /// Forgets what was found out from code that may be another by now.
    package mutating func forgetDepths() {
        #if arch(x86_64)
            depths.forget()
        #endif
    }

    /// Finds the callers of a thread that stands still, or whose stack was copied.
    ///
    /// - Parameters:
    ///   - registers: those of the innermost frame.
    ///   - memory: the stack.
    ///   - framesMost: most frames to find, asynchronous callers included.
    /// - Returns: the frames on the stack, innermost first, and then the asynchronous callers of the outermost asynchronous
    ///   function. Truncated unless the thread's beginning was reached.
    package mutating func unwind(
        from registers: Registers,
        memory: inout StackMemory,
        framesMost: Int
    ) -> RawStack {
        framePointers.removeAll(keepingCapacity: true)
        var stack = RawStack(frames: [], isTruncated: true)
        guard framesMost > 0 else { return stack }
        if modules.dropUnloaded() {
            #if arch(x86_64)
                depths.forget()
            #endif
        }
        stack.frames.reserveCapacity(min(framesMost, 64))
        stack.frames.append(RawFrame(address: registers.programCounter, isReturnAddress: false))
        let steps = framesMost.addingReportingOverflow(UnwindLimits.checkingStepsMost)
        stepsLeft = steps.overflow ? .max : steps.partialValue
        var current = registers
        // Whether the program counter is at an instruction, and not past a call.
        var isExact = true
        var contextSlot: UInt64?
        walk: while stack.frames.count < framesMost {
            let caller: UnwoundCaller
            noteFramePointer(of: &current, isExact: isExact, position: stack.frames.count - 1, memory: &memory)
            switch step(from: current, isExact: isExact, purpose: .unwinding, memory: &memory) {
            case .base:
                stack.isTruncated = false
                break walk
            case .caller(let found): caller = found
            case .unknown:
                guard let found = fallbackCaller(of: current, isExact: isExact, memory: &memory) else { break walk }
                caller = found
            }
            if let slot = caller.asynchronousContextSlot { contextSlot = slot }
            current = caller.registers
            isExact = caller.isSignalFrame
            stack.frames.append(
                RawFrame(
                    address: current.programCounter,
                    isReturnAddress: !isExact,
                    isUncertain: caller.isUncertain
                )
            )
        }
        if let contextSlot {
            appendAsynchronousCallers(contextSlot: contextSlot, to: &stack, memory: &memory, framesMost: framesMost)
        }
        return stack
    }

    /// Whether a place can be that of a caller: code holds it.
    func isPlace(_ address: UInt64, isExact: Bool) -> Bool {
        modules.holdsCode(isExact ? address : address &- 1)
    }
}
