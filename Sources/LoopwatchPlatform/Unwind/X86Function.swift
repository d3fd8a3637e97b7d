// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// The bounds of a function: those of its frame description, or, for the many functions of the Swift libraries that have
    /// none, what its surroundings suggest.
    struct X86Function {
        /// How sure the bounds are.
        enum Bounds {
            /// The frame description says so.
            case described
            /// A prologue was found.
            case fromPrologue
            /// A call was found that goes to the beginning.
            case fromCall
            /// Nothing was found.
            case unknown
        }

        /// The executable segment that it lies in.
        let code: AddressedBytes
        /// Address of the first byte.
        var start: UInt64
        /// Address one past the last byte, or one that is not before it.
        let end: UInt64
        /// How sure the bounds are.
        var bounds: Bounds
        /// The frame description; `nil` if there is none.
        let description: FrameDescription?
        /// What the description's expressions lie in.
        let tables: AddressedBytes?

        /// Finds the function that holds an address; `nil` if no code does.
        init?(holding address: UInt64, in modules: borrowing ModuleTable) {
            guard let module = modules.module(at: address) else { return nil }
            code = module.code
            tables = module.table?.bytes
            if let description = module.table?.description(at: address) {
                self.description = description
                start = description.start
                end = description.end
                bounds = .described
                return
            }
            description = nil
            var gap = module.table?.gap(around: address) ?? (0, .max)
            gap = (max(gap.start, code.address), min(gap.end, code.end))
            guard gap.start <= address, address < gap.end else { return nil }
            if Self.isLinkageJump(code, at: address) {
                start = address
                end = address &+ 6
                bounds = .fromPrologue
                return
            }
            guard let prologue = Self.prologue(before: address, since: gap.start, in: code) else {
                start = max(address & ~15, gap.start)
                end = gap.end
                bounds = .unknown
                return
            }
            start = prologue
            end = Self.end(after: address, before: gap.end, from: prologue, in: code)
            bounds = .fromPrologue
        }

        /// Whether the code at an address is `jmp *offset(%rip)`: an entry of a linkage table.
        static func isLinkageJump(_ code: AddressedBytes, at address: UInt64) -> Bool {
            code.load(UInt16.self, at: address) == 0x25ff && code.contains(address, count: 6)
        }

        /// Whether a function that keeps frame pointers begins here: `push %rbp; mov %rsp, %rbp`, or an asynchronous one's
        /// prologue.
        private static func isPrologue(_ code: AddressedBytes, at address: UInt64) -> Bool {
            code.load(UInt32.self, at: address) == 0xe589_4855 || isAsynchronousPrologue(code, at: address)
        }

        /// Whether an asynchronous function's frame is made here: `push %rbp; push %r14; lea 8(%rsp), %rbp`.
        static func isAsynchronousPrologue(_ code: AddressedBytes, at address: UInt64) -> Bool {
            code.load(UInt64.self, at: address) == 0x0824_6c8d_4856_4155
        }

        /// The nearest prologue at or before an address; functions begin at multiples of 16.
        private static func prologue(before address: UInt64, since start: UInt64, in code: AddressedBytes) -> UInt64? {
            let limit = max(
                start,
                address > UnwindLimits.prologueSearchBytes ? address - UnwindLimits.prologueSearchBytes : 0
            )
            var place = address & ~15
            while place >= limit {
                if isPrologue(code, at: place) { return place }
                guard place >= 16 else { return nil }
                place -= 16
            }
            return nil
        }

        /// The nearest prologue after an address, or the end of the gap.
        private static func end(
            after address: UInt64,
            before limit: UInt64,
            from start: UInt64,
            in code: AddressedBytes
        ) -> UInt64 {
            let stop = min(limit, start &+ UInt64(UnwindLimits.decodedFunctionBytesMost))
            var place = (address & ~15) &+ 16
            while place < stop {
                if isPrologue(code, at: place) { return place }
                place &+= 16
            }
            return limit <= stop ? limit : min(limit, address &+ 16)
        }

        /// Whether the function is asynchronous: its prologue stores the context.
        var isAsynchronous: Bool {
            // Not a `for`: where nothing is optimised, each step of one takes a lock of the Swift runtime.
            var offset: UInt64 = 0
            while offset < UInt64(UnwindLimits.asynchronousPrologueBytes) {
                if Self.isAsynchronousPrologue(code, at: start &+ offset) { return start &+ offset < end }
                offset += 1
            }
            return false
        }
    }
#endif
