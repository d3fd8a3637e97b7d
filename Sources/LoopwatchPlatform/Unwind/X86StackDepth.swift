// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    /// How far the stack pointer is below the frame's base at one instruction.
    struct X86StackDepth {
        /// The distance.
        enum Distance: Equatable {
            /// So many bytes.
            case bytes(Int32)
            /// Different from one run of the function to the next.
            case dynamic
            /// It could not be found out.
            case unknown
        }

        /// The distance; where the function aligned the stack pointer, without what that took.
        var distance: Distance
        /// Most that the function may have aligned away; 0 if it did not.
        var alignment: UInt64 = 0
        /// Whether the distance was guessed: the instruction is reached in a way that was not followed.
        var isGuessed = false

        static let unknown = X86StackDepth(distance: .unknown)

        /// The distance, if it is the same in each run.
        var fixed: UInt64? {
            guard case .bytes(let bytes) = distance, bytes > 0 else { return nil }
            return UInt64(bytes)
        }

        /// The distance, if it is the same in each run and nothing was aligned.
        var exact: UInt64? { alignment == 0 ? fixed : nil }
    }

    /// Finds the depth of the stack at an instruction, by decoding its function from the beginning and following what moves the
    /// stack pointer, through jumps too.
    ///
    /// Owns the memory that it needs for that (it is touched only as far as functions are long), and remembers what it found.
    /// Belongs to one thread.
    struct X86StackDepthFinder: ~Copyable {
        /// A depth for an address, remembered.
        private struct Remembered {
            var address: UInt64
            /// Beginning of the function, which may have been made up differently at another time.
            var start: UInt64
            var depth: X86StackDepth
        }

        /// Depths as they are stored; the rest are bytes.
        private enum Stored {
            static let unknown: Int32 = -1
            static let dynamic: Int32 = .max
        }

        private let depths: UnsafeMutablePointer<Int32>
        private let guesses: UnsafeMutablePointer<UInt8>
        private let cache: UnsafeMutablePointer<Remembered>

        init() {
            // Large blocks come straight from the system: pages that are not touched cost nothing.
            depths = .allocate(capacity: UnwindLimits.decodedFunctionBytesMost)
            guesses = .allocate(capacity: UnwindLimits.decodedFunctionBytesMost)
            cache = .allocate(capacity: UnwindLimits.depthCacheSlots)
            forget()
        }

        deinit {
            depths.deallocate()
            guesses.deallocate()
            cache.deallocate()
        }

        /// Forgets all depths: modules came or went.
        mutating func forget() {
            cache.initialize(
                repeating: Remembered(address: 0, start: 0, depth: .unknown),
                count: UnwindLimits.depthCacheSlots
            )
        }

        /// The depth at an instruction of a function.
        ///
        /// - Parameters:
        ///   - address: an address in the instruction.
        ///   - function: the function.
        ///   - program: what reads the rows of its frame description.
        mutating func depth(
            at address: UInt64,
            in function: X86Function,
            _ program: inout CallFrameProgram
        ) -> X86StackDepth {
            // Fibonacci hashing, on as many bits as there are slots.
            let slot = Int((address &* 0x9e37_79b9_7f4a_7c15) >> 32) & (UnwindLimits.depthCacheSlots - 1)
            if cache[slot].address == address, cache[slot].start == function.start { return cache[slot].depth }
            let depth = decode(function, at: address, &program)
            cache[slot] = Remembered(address: address, start: function.start, depth: depth)
            return depth
        }

        private mutating func decode(
            _ function: X86Function,
            at address: UInt64,
            _ program: inout CallFrameProgram
        ) -> X86StackDepth {
            guard function.end &- function.start <= UInt64(UnwindLimits.decodedFunctionBytesMost),
                let code = function.code.bytes(from: function.start, to: function.end),
                UInt64(code.count) == function.end &- function.start
            else { return .unknown }
            var entries = UnsafeBufferPointer<CallFrameProgram.Entry>(start: nil, count: 0)
            var entry: Int32 = 8
            if let description = function.description {
                guard let rows = program.entries(of: description), let first = rows.first,
                    first.register == Architecture.stackPointer, let offset = Int32(exactly: first.offset), offset > 0
                else { return .unknown }
                entries = rows
                entry = offset
            }
            depths.initialize(repeating: Stored.unknown, count: code.count)
            guesses.initialize(repeating: 0, count: code.count)
            var pass = Pass(code: code, start: function.start, wanted: address, entries: entries, entry: entry)
            for number in 0..<UnwindLimits.decodingPassesMost {
                pass.number = number
                let isSettled = run(&pass)
                if isSettled, number >= 2 || !pass.metUnknown { break }
            }
            return pass.result
        }

        /// What going through a function needs and finds.
        private struct Pass {
            let code: UnsafeRawBufferPointer
            let start: UInt64
            let wanted: UInt64
            let entries: UnsafeBufferPointer<CallFrameProgram.Entry>
            let entry: Int32
            var number = 0
            /// The depth of the function's body, taken from its first call or table jump: for code that nothing was seen to
            /// lead to.
            var body = Stored.unknown
            var metUnknown = false
            var result = X86StackDepth.unknown

            init(
                code: UnsafeRawBufferPointer,
                start: UInt64,
                wanted: UInt64,
                entries: UnsafeBufferPointer<CallFrameProgram.Entry>,
                entry: Int32
            ) {
                self.code = code
                self.start = start
                self.wanted = wanted
                self.entries = entries
                self.entry = entry
            }
        }

        /// Goes through a function once; whether nothing new was learned.
        private mutating func run(_ pass: inout Pass) -> Bool {
            let code = pass.code
            var isSettled = true
            var alignment: UInt64 = 0
            var current = pass.entry
            var isGuessed = false
            var offset = 0
            var row = 0
            pass.result = .unknown
            pass.metUnknown = false
            while offset < code.count {
                let place = pass.start &+ UInt64(offset)
                while row < pass.entries.count, pass.entries[row].address < place { row += 1 }
                let stored = depths[offset]
                if stored != Stored.unknown {
                    if current == Stored.unknown {
                        current = stored
                        isGuessed = guesses[offset] != 0
                    } else if stored != current {
                        // Two ways lead here: on a way that does not return the smaller one is right.
                        current =
                            stored == Stored.dynamic || current == Stored.dynamic
                            ? Stored.dynamic : min(stored, current)
                    }
                }
                if current == Stored.unknown { pass.metUnknown = true }
                guess(&current, &isGuessed, pass, at: place, row)
                if current != stored {
                    depths[offset] = current
                    isSettled = false
                }
                guesses[offset] = isGuessed ? 1 : 0
                let rest = UnsafeRawBufferPointer(rebasing: code[offset...])
                guard let instruction = X86InstructionDecoder.decode(rest) else {
                    // Zeroes between blocks are padding; anything else that is not code ends what can be trusted.
                    guard code[offset] == 0 else { break }
                    current = Stored.unknown
                    offset += 1
                    continue
                }
                if pass.wanted >= place, pass.wanted &- place < UInt64(instruction.length) {
                    pass.result = X86StackDepth(
                        distance: current == Stored.unknown
                            ? .unknown : current == Stored.dynamic ? .dynamic : .bytes(current),
                        alignment: alignment,
                        isGuessed: isGuessed
                    )
                }
                if case .align(let mask) = instruction.effect, current != Stored.unknown, current != Stored.dynamic {
                    // A mask that is not one of alignment is as good as any computation.
                    if mask < 0, mask >= -4096 {
                        alignment = UInt64(bitPattern: -mask)
                    } else {
                        current = Stored.dynamic
                    }
                }
                if follow(instruction.effect, from: offset, current, isGuessed, &pass) { isSettled = false }
                current = Self.depth(after: instruction.effect, current)
                if current == Stored.unknown { isGuessed = false }
                offset += instruction.length
            }
            return isSettled
        }

        /// Guesses the depth where nothing is seen to lead to an instruction: the row of its frame description, if that is
        /// relative to the stack pointer, is no guess; the depth of the body is one.
        private func guess(_ current: inout Int32, _ isGuessed: inout Bool, _ pass: Pass, at place: UInt64, _ row: Int)
        {
            guard current == Stored.unknown else { return }
            if row < pass.entries.count, pass.entries[row].address == place,
                pass.entries[row].register == Architecture.stackPointer,
                let offset = Int32(exactly: pass.entries[row].offset), offset > 0
            {
                current = offset
            } else if pass.number >= 1, pass.body != Stored.unknown {
                current = pass.body
                isGuessed = true
            } else if pass.number >= 2 {
                current = 8
                isGuessed = true
            }
        }

        /// Notes what an instruction says of others; whether that is new.
        private mutating func follow(
            _ effect: X86Instruction.Effect,
            from offset: Int,
            _ current: Int32,
            _ isGuessed: Bool,
            _ pass: inout Pass
        ) -> Bool {
            guard current != Stored.unknown else { return false }
            switch effect {
            case .jump(let distance), .branch(let distance):
                let target = Int64(offset) + distance
                guard target >= 0, target < Int64(pass.code.count) else { return false }
                let index = Int(target)
                let isWeaker = guesses[index] != 0 && !isGuessed
                if depths[index] == Stored.unknown || isWeaker {
                    let isNew = depths[index] != current || guesses[index] != (isGuessed ? 1 : 0)
                    depths[index] = current
                    guesses[index] = isGuessed ? 1 : 0
                    return isNew
                }
                guard depths[index] != current, current == Stored.dynamic else { return false }
                depths[index] = Stored.dynamic
                return true
            case .jumpIndirect where current != 8:
                let isNew = pass.body == Stored.unknown
                pass.body = current
                return isNew
            case .call where pass.body == Stored.unknown && current != Stored.dynamic,
                .callIndirect where pass.body == Stored.unknown && current != Stored.dynamic:
                pass.body = current
                return true
            default: return false
            }
        }

        private static func depth(after effect: X86Instruction.Effect, _ current: Int32) -> Int32 {
            switch effect {
            case .grow(let bytes):
                guard current != Stored.unknown, current != Stored.dynamic else { return current }
                let sum = Int64(current).addingReportingOverflow(bytes)
                guard !sum.overflow, sum.partialValue >= 0, sum.partialValue < Int64(Stored.dynamic) else {
                    return Stored.unknown
                }
                return Int32(sum.partialValue)
            case .growDynamically: return current == Stored.unknown ? current : Stored.dynamic
            // The frame pointer is 16 below the base.
            case .setFromFramePointer(let offset):
                let depth = 16 - max(min(offset, Int64(Int32.max)), -Int64(Int32.max))
                return depth > 0 && depth < Int64(Stored.dynamic) ? Int32(depth) : Stored.unknown
            case .leave: return 8
            case .jump, .jumpIndirect, .return, .trap: return Stored.unknown
            default: return current
            }
        }
    }
#endif
