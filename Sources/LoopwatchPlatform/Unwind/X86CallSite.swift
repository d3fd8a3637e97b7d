// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// What the code before a return address says about what was called there.
    enum X86CallEvidence: Int, Comparable {
        /// No call is there: it is not a return address.
        case none
        /// A function was called through a register or memory: it can be any.
        case indirect
        /// Another function was called, which may have jumped on to the one in question.
        case elsewhere
        /// The function in question was called.
        case direct

        /// How much it says for the function in question: a call that goes elsewhere says less than one that can go anywhere
        /// where frames are searched, but more where a frame has been found.
        static func < (left: X86CallEvidence, right: X86CallEvidence) -> Bool { left.rawValue < right.rawValue }
    }

    /// Reads the call before a return address.
    struct X86CallSite {
        /// Evidence that the call before a return address was to a function.
        ///
        /// - Parameters:
        ///   - address: the return address.
        ///   - function: the function's address.
        ///   - modules: the modules.
        static func evidence(
            before address: UInt64,
            of function: UInt64,
            in modules: borrowing ModuleTable
        ) -> X86CallEvidence {
            guard address > 16, let module = modules.module(at: address &- 1) else { return .none }
            let code = module.code
            if let target = directTarget(before: address, in: code), modules.holdsCode(target) {
                return target == function || resolved(target, in: modules) == function ? .direct : .elsewhere
            }
            // call *offset(%rip)
            if code.load(UInt16.self, at: address &- 6) == 0x15ff, let offset = code.load(Int32.self, at: address &- 4)
            {
                let slot = address &+ UInt64(bitPattern: Int64(offset))
                return modules.word(at: slot) == function ? .direct : .indirect
            }
            // Any other indirect call is 2 to 8 bytes long, and ends exactly here.
            var length: UInt64 = 1
            while length < 8 {
                length += 1
                if let bytes = code.bytes(from: address &- length, to: address), bytes.count == Int(length),
                    let instruction = X86InstructionDecoder.decode(bytes), instruction.length == Int(length),
                    case .callIndirect = instruction.effect
                {
                    return .indirect
                }
            }
            return .none
        }

        /// Target of the direct call before a return address, as it is written there; `nil` if there is none.
        static func directTarget(before address: UInt64, in code: AddressedBytes) -> UInt64? {
            guard address > 16, code.load(UInt8.self, at: address &- 5) == 0xe8,
                let offset = code.load(Int32.self, at: address &- 4)
            else { return nil }
            return address &+ UInt64(bitPattern: Int64(offset))
        }

        /// The function that a call to an address ends up in: follows entries of linkage tables.
        static func resolved(_ target: UInt64, in modules: borrowing ModuleTable) -> UInt64 {
            var target = target
            for _ in 0..<UnwindLimits.linkageJumpsMost {
                guard let code = modules.module(at: target)?.code else { return target }
                var place = target
                // endbr64, and a prefix that older linkers put before the jump.
                if code.load(UInt32.self, at: place) == 0xfa1e_0ff3 { place &+= 4 }
                if code.load(UInt8.self, at: place) == 0xf2 { place &+= 1 }
                guard X86Function.isLinkageJump(code, at: place), let offset = code.load(Int32.self, at: place &+ 2),
                    let function = modules.word(at: place &+ 6 &+ UInt64(bitPattern: Int64(offset))),
                    // Not bound yet: the pointer leads back to the entry.
                    function &- target > 16
                else { return target }
                target = function
            }
            return target
        }
    }
#endif
