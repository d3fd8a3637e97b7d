// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    extension Unwinder {
        /// Compares a decoded base with other candidates by the calls before their return addresses, and takes the best one;
        /// `false` if nothing called.
        func weighEvidence(
            _ frame: inout X86Frame,
            _ registers: Registers,
            isExact: Bool,
            _ memory: inout StackMemory
        ) -> Bool {
            guard frame.isDecoded, !frame.isFrameless, frame.row.returnsToTop, let base = frame.base else {
                return true
            }
            let start = frame.function.start
            var best = evidence(forBase: base, of: start, &memory)
            guard best == .none || frame.isGuessed && best != .direct else { return true }
            if let described = frame.describedBase {
                let other = evidence(forBase: described, of: start, &memory)
                if other > best {
                    best = other
                    frame.base = described
                    frame.row = frame.describedRow
                }
            }
            if let framePointer = registers[Architecture.framePointer], framePointer &+ 16 > registers.stackPointer {
                let other = evidence(forBase: framePointer &+ 16, of: start, &memory)
                if other > best {
                    best = other
                    frame.base = framePointer &+ 16
                    frame.row.set(UInt64(Architecture.framePointer), .atOffset, -16)
                }
            }
            if isExact {
                let other = evidence(forBase: registers.stackPointer &+ 8, of: start, &memory)
                if other > best {
                    best = other
                    frame.base = registers.stackPointer &+ 8
                    frame.keepFramePointer()
                }
            }
            if frame.isGuessed, best != .direct { frame.isUncertain = true }
            return best != .none
        }

        /// Evidence that a frame with a base is one of a function.
        ///
        /// The beginning of a thread, and the kernel's return from a signal, are not called, and as good as a call.
        private func evidence(forBase base: UInt64, of function: UInt64, _ memory: inout StackMemory) -> X86CallEvidence
        {
            guard let address = memory.word(at: base &- 8) else { return .none }
            if address == 0 { return .elsewhere }
            let evidence = X86CallSite.evidence(before: address, of: function, in: modules)
            guard evidence == .none, let table = modules.module(at: address)?.table,
                table.description(at: address)?.isSignalFrame == true
            else { return evidence }
            return .indirect
        }

        // MARK: - Fallback

        /// The caller where a step failed, by evidence that is weak; `nil` if there is none.
        mutating func fallbackCaller(
            of registers: Registers,
            isExact: Bool,
            memory: inout StackMemory
        ) -> UnwoundCaller? {
            let place = isExact ? registers.programCounter : registers.programCounter &- 1
            if isExact, modules.holdsCode(place), X86Function(holding: place, in: modules)?.description == nil,
                let address = memory.word(at: registers.stackPointer),
                X86CallSite.evidence(before: address, of: 0, in: modules) != .none
            {
                // A leaf of which nothing is known: its return address is on top, if it has pushed nothing.
                var caller = registers
                caller.forgetCallerSaved()
                caller.set(Architecture.programCounter, to: address)
                caller.set(Architecture.stackPointer, to: registers.stackPointer &+ 8)
                return UnwoundCaller(registers: caller, function: 0, isUncertain: true)
            }
            guard let framePointer = registers[Architecture.framePointer], framePointer >= registers.stackPointer,
                framePointer < .max - 16,
                let saved = memory.word(at: framePointer), let address = memory.word(at: framePointer &+ 8),
                X86CallSite.evidence(before: address, of: 0, in: modules) != .none
            else { return nil }
            var caller = Registers(programCounter: address, stackPointer: framePointer &+ 16)
            caller.set(Architecture.framePointer, to: saved)
            return UnwoundCaller(registers: caller, function: 0, isUncertain: true)
        }
    }
#endif
