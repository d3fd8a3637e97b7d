// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Code that no unwind table describes, but that always has its frame pointer in its register: what V8 generates.
extension Unwinder {
    /// Whether the code at a place is such code.
    @inline(__always)
    func isFramePointerCode(_ place: UInt64) -> Bool {
        guard let module = modules.module(at: place), module.keepsFramePointers else { return false }
        return module.table?.description(at: place) == nil
    }

    /// Goes from a frame of such code to its caller.
    mutating func framePointerStep(from registers: Registers, memory: inout StackMemory) -> UnwindStep {
        guard let framePointer = registers[Architecture.framePointer], framePointer >= registers.stackPointer,
            framePointer % 8 == 0, framePointer < .max - 16, let saved = memory.word(at: framePointer),
            let address = memory.word(at: framePointer &+ 8),
            case let place = Architecture.stripped(address), isPlace(place, isExact: false)
        else { return .unknown }
        var caller = registers
        caller.forgetCallerSaved()
        caller.set(Architecture.programCounter, to: place)
        caller.set(Architecture.stackPointer, to: framePointer &+ 16)
        caller.set(Architecture.framePointer, to: saved)
        // V8 uses every other register as it likes; the entry from C++ saves and restores them.
        return .caller(UnwoundCaller(registers: caller, function: 0))
    }

    /// Remembers the frame pointer of a frame of such code.
    mutating func noteFramePointer(
        of registers: inout Registers,
        isExact: Bool,
        position: Int,
        memory: inout StackMemory
    ) {
        guard modules.hasFramePointerCode,
            isFramePointerCode(isExact ? registers.programCounter : registers.programCounter &- 1)
        else { return }
        if registers[Architecture.framePointer] == nil,
            let found = searchFramePointer(above: registers.stackPointer, memory: &memory)
        {
            registers.set(Architecture.framePointer, to: found)
        }
        framePointers[position] = registers[Architecture.framePointer]
    }

    /// The first place on the stack from which on several frames are linked to each other; `nil` if there is none near.
    ///
    /// For a thread of which only stack pointer and program counter are known, and whose functions of C did not save the
    /// frame pointer.
    private mutating func searchFramePointer(above stackPointer: UInt64, memory: inout StackMemory) -> UInt64? {
        var place = stackPointer & ~7
        for _ in 0..<UnwindLimits.framePointerSearchWords {
            var link = place
            var links = 0
            while links < UnwindLimits.framePointerLinksLeast, let next = memory.word(at: link), next > link,
                next &- link < UnwindLimits.frameSearchBytes, next % 8 == 0,
                let address = memory.word(at: link &+ 8), address > 4_096, modules.holdsCode(address &- 1)
            {
                links += 1
                link = next
            }
            if links == UnwindLimits.framePointerLinksLeast { return place }
            place &+= 8
        }
        return nil
    }
}
