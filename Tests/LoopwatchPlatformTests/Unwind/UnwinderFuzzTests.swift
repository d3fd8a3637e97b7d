// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Glibc
    import LoopwatchCore
    import LoopwatchTestSupport
    import Testing

    @testable import LoopwatchPlatform

    /// Unwinds what is damaged: it must end, keep its bounds, and name no frame that is not in code.
    @Suite("Unwinder on damaged memory", .serialized)
    struct UnwinderFuzzTests {
        private static let framesMost = 200

        /// A thread that blocks with a deep stack, and where it does.
        private final class Victim {
            let blocked: BlockedCase
            let thread: OwnThread
            var stackPointer: UInt64 = 0
            var programCounter: UInt64 = 0
            var stack: [UInt8] = []

            init(_ way: BlockingWay) throws {
                RegisterTrap.install
                let blocked = BlockedCase(way)
                self.blocked = blocked
                thread = try OwnThread(name: "victim") {
                    _ = blocked.unwindOuter(1)
                    blocked.end()
                }
                try eventually("the thread blocks") {
                    guard let identifier = blocked.identifier,
                        case .inside(let number, _, let stackPointer, let programCounter) = ThreadView(identifier)
                            .call(),
                        SystemCall.name(of: number) == way.call
                    else { return false }
                    self.stackPointer = stackPointer
                    self.programCounter = programCounter
                    return true
                }
                // As much as there is, up to 64 KiB.
                while stack.count < 64 * 1024,
                    let words = Memory.words(at: UInt(stackPointer) + UInt(stack.count), count: 8)
                {
                    for word in words { withUnsafeBytes(of: word) { stack += $0 } }
                }
            }

            func end() throws {
                blocked.release()
                try eventually("the thread gets through") { blocked.hasEnded }
                thread.join()
            }
        }

        private func check(_ stack: RawStack, _ modules: borrowing ModuleTable, _ note: String) {
            #expect(stack.frames.count <= Self.framesMost, "\(note)")
            for frame in stack.frames.dropFirst() {
                let place = frame.isReturnAddress ? frame.address &- 1 : frame.address
                #expect(modules.holdsCode(place), "\(note)")
            }
        }

        @Test("a damaged stack gives a short stack", arguments: [BlockingWay.usleep, .dynamicFrame], 1...3)
        func damagedStack(way: BlockingWay, seed: Int) throws {
            let victim = try Victim(way)
            var generator = SeededGenerator(seed: UInt64(seed))
            var unwinder = Unwinder()
            var memory = StackMemory()
            let modules = ModuleTable()
            let from = Registers(programCounter: victim.programCounter, stackPointer: victim.stackPointer)
            func unwound(_ bytes: [UInt8]) -> RawStack {
                bytes.withUnsafeBytes { memory.begin(copy: $0, at: victim.stackPointer) }
                return unwinder.unwind(from: from, memory: &memory, framesMost: Self.framesMost)
            }
            let whole = unwound(victim.stack)
            #expect(!whole.isTruncated && whole.frames.count > 8)
            let codes = whole.frames.map(\.address)
            for round in 0..<400 * fuzzFactor {
                var bytes = victim.stack
                let used = min(bytes.count, 4_096)
                for _ in 0...Int.random(in: 0...8, using: &generator) {
                    let place = Int.random(in: 0..<used / 8, using: &generator) * 8
                    let value: UInt64
                    switch Int.random(in: 0...4, using: &generator) {
                    case 0: value = generator.next()
                    case 1: value = victim.stackPointer &+ UInt64.random(in: 0...8_192, using: &generator)
                    case 2: value = codes.randomElement(using: &generator)!
                    case 3: value = UInt64(bytes[place]) ^ (1 << UInt64.random(in: 0...63, using: &generator))
                    default: value = [0, 1, .max, .max - 8, 1 << 63].randomElement(using: &generator)!
                    }
                    withUnsafeBytes(of: value) { bytes.replaceSubrange(place..<place + 8, with: $0) }
                }
                if Bool.random(using: &generator) {
                    bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
                }
                check(unwound(bytes), modules, "\(way) seed \(seed) round \(round)")
            }
            // Registers that are garbage, too.
            for round in 0..<400 * fuzzFactor {
                let registers = Registers(
                    dwarf: (0..<17).map { _ in
                        [codes.randomElement(using: &generator)!, victim.stackPointer, generator.next(), .max, 0]
                            .randomElement(using: &generator)!
                    }
                )
                memory.begin(liveAt: registers.stackPointer)
                let stack = unwinder.unwind(from: registers, memory: &memory, framesMost: Self.framesMost)
                check(stack, modules, "registers: seed \(seed) round \(round)")
            }
            try victim.end()
        }

        /// The modules that a stack goes through, in memory that can be damaged.
        private final class ModuleCopies {
            private(set) var buffers: [UnsafeMutableRawBufferPointer] = []
            private(set) var modules: [Module] = []
            /// Where damage matters: code, descriptions and headers that the stack's frames need.
            private(set) var targets: [UnsafeMutableRawBufferPointer] = []

            init(of stack: RawStack, in table: borrowing ModuleTable) throws {
                var copies: [UInt64: AddressedBytes] = [:]
                func copy(_ bytes: AddressedBytes) throws -> AddressedBytes {
                    if let known = copies[bytes.address] { return known }
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
                    buffer.copyMemory(from: UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
                    buffers.append(buffer)
                    let result = try #require(AddressedBytes(UnsafeRawBufferPointer(buffer), at: bytes.address))
                    copies[bytes.address] = result
                    return result
                }
                var copied: Set<UInt64> = []
                for frame in stack.frames {
                    guard let module = table.module(at: frame.address) else { continue }
                    let code = try copy(module.code)
                    let tables = try module.table.map { try copy($0.bytes) }
                    target(code, at: frame.address - 64, count: 80)
                    if let table = module.table, let tables {
                        if let function = table.description(at: frame.address) {
                            target(code, at: function.start, count: 64)
                        }
                        if let place = table.descriptionAddress(at: frame.address) {
                            target(tables, at: place, count: 48)
                        }
                        target(tables, at: table.header, count: 16)
                    }
                    guard copied.insert(code.address).inserted else { continue }
                    let copiedTable = module.table.flatMap { table in
                        tables.flatMap { UnwindTable($0, header: table.header) }
                    }
                    modules.append(Module(code: code, table: copiedTable))
                }
            }

            deinit { for buffer in buffers { buffer.deallocate() } }

            private func target(_ bytes: AddressedBytes, at address: UInt64, count: Int) {
                guard bytes.contains(address, count: count) else { return }
                let start = UnsafeMutableRawPointer(mutating: bytes.base) + Int(address - bytes.address)
                targets.append(UnsafeMutableRawBufferPointer(start: start, count: count))
            }
        }

        @Test("damaged tables and code give a short stack", arguments: [BlockingWay.usleep, .dynamicFrame], 1...3)
        func damagedModules(way: BlockingWay, seed: Int) throws {
            let victim = try Victim(way)
            var generator = SeededGenerator(seed: UInt64(seed))
            var memory = StackMemory()
            let from = Registers(programCounter: victim.programCounter, stackPointer: victim.stackPointer)
            let own = ModuleTable()
            var unwinder = Unwinder()
            memory.begin(liveAt: victim.stackPointer)
            let whole = unwinder.unwind(from: from, memory: &memory, framesMost: Self.framesMost)
            let copies = try ModuleCopies(of: whole, in: own)
            let table = ModuleTable(modules: copies.modules, data: own.data)
            var other = Unwinder(modules: table)
            // Bytes that are elsewhere than their addresses say are as good.
            #expect(other.unwind(from: from, memory: &memory, framesMost: Self.framesMost) == whole)
            for round in 0..<150 * fuzzFactor {
                var saved: [(place: UnsafeMutableRawPointer, byte: UInt8)] = []
                for _ in 0...Int.random(in: 0...12, using: &generator) {
                    let target = copies.targets.randomElement(using: &generator)!
                    let place = target.baseAddress! + Int.random(in: 0..<target.count, using: &generator)
                    saved.append((place, place.load(as: UInt8.self)))
                    let byte = UInt8.random(in: 0...255, using: &generator)
                    place.storeBytes(of: Bool.random(using: &generator) ? byte : 0xff, as: UInt8.self)
                }
                // Headers are read when a table is made.
                let damaged = ModuleTable(
                    modules: copies.modules.map { module in
                        Module(
                            code: module.code,
                            table: module.table.flatMap { UnwindTable($0.bytes, header: $0.header) }
                        )
                    },
                    data: own.data
                )
                var fresh = Unwinder(modules: round % 2 == 0 ? damaged : table)
                let stack = fresh.unwind(from: from, memory: &memory, framesMost: Self.framesMost)
                check(stack, table, "\(way) seed \(seed) round \(round)")
                for (place, byte) in saved.reversed() { place.storeBytes(of: byte, as: UInt8.self) }
            }
            #expect(other.unwind(from: from, memory: &memory, framesMost: Self.framesMost) == whole)
            try victim.end()
        }
    }
#endif
