// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    extension Unwinder {
        /// Goes from a frame to its caller.
        ///
        /// - Parameters:
        ///   - registers: those of the frame.
        ///   - isExact: whether its program counter is at an instruction, and not past a call.
        ///   - purpose: how careful to be.
        ///   - memory: the stack.
        mutating func step(
            from registers: Registers,
            isExact: Bool,
            purpose: UnwindStepPurpose,
            memory: inout StackMemory
        ) -> UnwindStep {
            guard stepsLeft > 0 else { return .unknown }
            stepsLeft -= 1
            let place = isExact ? registers.programCounter : registers.programCounter &- 1
            if modules.hasFramePointerCode, isFramePointerCode(place) {
                return framePointerStep(from: registers, memory: &memory)
            }
            guard let function = X86Function(holding: place, in: modules) else { return .unknown }
            let described: X86Frame?
            if let description = function.description {
                described = program.row(at: place, of: description).map { X86Frame(function, $0) }
            } else {
                described = undescribedFrame(function, at: place, registers, isExact: isExact, &memory)
            }
            guard var frame = described else { return .unknown }
            if frame.row.rules[function.description?.returnAddressRegister ?? Architecture.programCounter] == .undefined
            {
                return .base
            }
            var registers = registers
            let isFound =
                findKnownBase(&frame, registers, at: place, isExact: isExact, purpose, &memory)
                && (frame.base != nil
                    || findUnknownBase(&frame, &registers, at: place, isExact: isExact, purpose, &memory))
            guard isFound, weighEvidence(&frame, registers, isExact: isExact, &memory), let base = frame.base,
                let caller = frame.row.caller(
                    of: registers,
                    base: base,
                    description: frame.function.description,
                    tables: frame.function.tables,
                    memory: &memory
                )
            else { return .unknown }
            if caller.programCounter == 0 { return .base }
            // Stacks grow downwards: a caller's frame is above. Only a signal may have changed to another stack.
            guard frame.isSignalFrame || caller.stackPointer > registers.stackPointer,
                isPlace(caller.programCounter, isExact: frame.isSignalFrame)
            else { return .unknown }
            return .caller(
                UnwoundCaller(
                    registers: caller,
                    function: frame.function.start,
                    isSignalFrame: frame.isSignalFrame,
                    isUncertain: frame.isUncertain,
                    asynchronousContextSlot: frame.function.isAsynchronous ? base &- 24 : nil
                )
            )
        }

        // MARK: - Functions without a description

        /// The frame of a function that no table describes: its code is decoded, so that its beginning must be known.
        private mutating func undescribedFrame(
            _ found: X86Function,
            at place: UInt64,
            _ registers: Registers,
            isExact: Bool,
            _ memory: inout StackMemory
        ) -> X86Frame? {
            var function = found
            var isFrameless = false
            if isExact {
                // A leaf's return address is often on top of the stack still, and the call before it names the beginning.
                let top = memory.word(at: registers.stackPointer)
                if let top, let code = modules.module(at: top &- 1)?.code,
                    let target = X86CallSite.directTarget(before: top, in: code)
                {
                    let start = X86CallSite.resolved(target, in: modules)
                    let isInBounds = start < function.end && (function.bounds == .unknown || start >= function.start)
                    if start <= place, place - start < UnwindLimits.leafBytesMost, isInBounds {
                        function.start = start
                        function.bounds = .fromCall
                    }
                }
                if function.bounds == .unknown || function.start != place & ~15, let top,
                    let framePointer = registers[Architecture.framePointer],
                    X86CallSite.evidence(before: top, of: 0, in: modules) != .none
                {
                    // Reached by a jump from another function: then the caller's frame fits the frame pointer exactly.
                    isFrameless = callerFits(
                        returnAddress: top,
                        stackPointer: registers.stackPointer &+ 8,
                        framePointer: framePointer
                    )
                }
            }
            if function.bounds == .unknown, !isExact { return nil }
            var frame = X86Frame(function, .framePointer)
            frame.isDecoded = true
            if isFrameless {
                frame.isFrameless = true
                frame.row.base = .register(Architecture.stackPointer)
                frame.row.baseOffset = 8
                frame.keepFramePointer()
                return frame
            }
            let depth = depths.depth(at: place, in: function, &program)
            frame.isGuessed = depth.isGuessed
            if let fixed = depth.fixed, fixed == 8 || function.bounds == .unknown {
                frame.row.base = .register(Architecture.stackPointer)
                frame.row.baseOffset = Int64(fixed)
                frame.keepFramePointer()
            }
            return frame
        }

        /// Whether a frame that keeps a frame pointer, returned to with these registers, is where its code says.
        private mutating func callerFits(returnAddress: UInt64, stackPointer: UInt64, framePointer: UInt64) -> Bool {
            let place = returnAddress &- 1
            guard let function = X86Function(holding: place, in: modules), function.bounds != .unknown else {
                return false
            }
            let row = function.description.map { program.row(at: place, of: $0) } ?? .framePointer
            guard let row, row.baseRegister == Architecture.framePointer else { return false }
            let depth = depths.depth(at: place, in: function, &program)
            guard !depth.isGuessed, let exact = depth.exact else { return false }
            return framePointer &+ UInt64(bitPattern: row.baseOffset) == stackPointer &+ exact
        }

        // MARK: - The frame's base

        /// Finds the base where what it is relative to is known; `false` if the frame cannot be right.
        private mutating func findKnownBase(
            _ frame: inout X86Frame,
            _ registers: Registers,
            at place: UInt64,
            isExact: Bool,
            _ purpose: UnwindStepPurpose,
            _ memory: inout StackMemory
        ) -> Bool {
            guard let register = frame.row.baseRegister else {
                // The expression of a linkage table: its base depends on how far an entry of it has got.
                guard let tables = frame.function.tables else { return false }
                frame.base = DwarfExpression(tables, at: UInt64(bitPattern: frame.row.baseOffset))?
                    .value(registers: registers, memory: &memory)
                return frame.base != nil
            }
            guard let value = registers[register] else { return true }
            let base = value &+ UInt64(bitPattern: frame.row.baseOffset)
            frame.base = base
            if isExact, !frame.isFrameless, !frame.isSignalFrame, register <= Architecture.stackPointer {
                // Between two calls tables are wrong in places (asynchronous prologues and epilogues): the code is right.
                let depth = depths.depth(at: place, in: frame.function, &program)
                if let exact = depth.exact, registers.stackPointer &+ exact != base {
                    frame.describedBase = base
                    frame.base = registers.stackPointer &+ exact
                    frame.isDecoded = true
                    frame.isGuessed = depth.isGuessed
                    if exact == 8 { frame.keepFramePointer() }
                }
            }
            if purpose == .checking, register == Architecture.framePointer, !isExact {
                let depth = depths.depth(at: place, in: frame.function, &program)
                if let exact = depth.exact, registers.stackPointer &+ exact != base { return false }
            }
            return true
        }

        /// Finds the base where what it is relative to is not known: by decoding, or by searching; `false` if that fails.
        private mutating func findUnknownBase(
            _ frame: inout X86Frame,
            _ registers: inout Registers,
            at place: UInt64,
            isExact: Bool,
            _ purpose: UnwindStepPurpose,
            _ memory: inout StackMemory
        ) -> Bool {
            let isFramePointer = frame.row.baseRegister == Architecture.framePointer
            let baseOffset = isFramePointer ? UInt64(bitPattern: frame.row.baseOffset) : 16
            let depth = depths.depth(at: place, in: frame.function, &program)
            guard let fixed = depth.fixed else {
                guard isFramePointer, purpose == .unwinding,
                    let found = searchFrame(of: frame.function, registers, isExact: isExact, &memory)
                else { return false }
                frame.isUncertain = found.isUncertain
                frame.base = found.framePointer &+ baseOffset
                registers.set(Architecture.framePointer, to: found.framePointer)
                return true
            }
            var base = registers.stackPointer &+ fixed
            if depth.alignment == 0 {
                frame.isDecoded = true
                frame.isGuessed = depth.isGuessed
            } else {
                guard let found = searchAlignedBase(of: frame.function, above: base, depth.alignment, &memory) else {
                    return false
                }
                base = found.base
                frame.isUncertain = found.isUncertain
            }
            frame.base = base
            if isExact, fixed == 8 {
                frame.keepFramePointer()
            } else if isFramePointer {
                registers.set(Architecture.framePointer, to: base &- baseOffset)
            }
            return true
        }

        /// Finds the base of a frame that aligned its stack pointer: nearly as many places as words were aligned away.
        private func searchAlignedBase(
            of function: X86Function,
            above base: UInt64,
            _ alignment: UInt64,
            _ memory: inout StackMemory
        ) -> (base: UInt64, isUncertain: Bool)? {
            var weak: UInt64?
            for slack in stride(from: 0, to: alignment, by: 8) {
                guard let address = memory.word(at: base &+ slack &- 8) else { continue }
                switch X86CallSite.evidence(before: address, of: function.start, in: modules) {
                case .direct: return (base &+ slack, false)
                case .indirect: weak = weak ?? base &+ slack
                case .none, .elsewhere: break
                }
            }
            return weak.map { ($0, true) }
        }
    }
#endif
