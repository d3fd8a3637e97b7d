// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    extension Unwinder {
        /// Searches the stack for the frame of a function that moved its stack pointer by what only it knows.
        ///
        /// A frame begins at a multiple of 16 with the caller's frame pointer and the return address. The call before that must
        /// go to the function, and all further callers must follow, to the beginning of the thread, each with its frame where
        /// its own code says. An old frame of the same function fails that: it must join the living frames somewhere, and the
        /// return address there is the living one's.
        ///
        /// - Returns: the frame pointer, uncertain if the call can be to any function; `nil` if there is no such frame.
        mutating func searchFrame(
            of function: X86Function,
            _ registers: Registers,
            isExact: Bool,
            _ memory: inout StackMemory
        ) -> (framePointer: UInt64, isUncertain: Bool)? {
            let stackPointer = registers.stackPointer
            let end = stackPointer.addingReportingOverflow(UnwindLimits.frameSearchBytes)
            guard !end.overflow else { return nil }
            var weak: UInt64?
            var candidates = 0
            for place in stride(from: (stackPointer + 15) & ~15, to: end.partialValue, by: 16) {
                guard let address = memory.word(at: place + 8), let saved = memory.word(at: place) else { break }
                guard address > 4096, modules.holdsCode(address - 1), saved < stackPointer || saved > place else {
                    continue
                }
                let evidence = X86CallSite.evidence(before: address, of: function.start, in: modules)
                guard evidence == .direct || evidence == .indirect && weak == nil else { continue }
                candidates += 1
                guard candidates <= UnwindLimits.frameCandidatesMost else { break }
                var trial = registers
                trial.set(Architecture.framePointer, to: place)
                guard case .caller(let caller) = step(from: trial, isExact: isExact, purpose: .trying, memory: &memory),
                    hasCallers(caller.registers, &memory)
                else { continue }
                if evidence == .direct { return (place, false) }
                weak = place
            }
            return weak.map { ($0, true) }
        }

        /// Whether callers follow a frame, each by a call and with all that can be compared in agreement, to the beginning of
        /// the thread or for as long as is looked.
        private mutating func hasCallers(_ registers: Registers, _ memory: inout StackMemory) -> Bool {
            var current = registers
            var isExact = false
            for _ in 0..<UnwindLimits.candidateFramesMost {
                switch step(from: current, isExact: isExact, purpose: .checking, memory: &memory) {
                case .base: return true
                case .unknown: return false
                case .caller(let caller):
                    let address = caller.registers.programCounter
                    guard
                        caller.isSignalFrame
                            || X86CallSite.evidence(before: address, of: caller.function, in: modules) != .none
                    else { return false }
                    current = caller.registers
                    isExact = caller.isSignalFrame
                }
            }
            return true
        }
    }
#endif
