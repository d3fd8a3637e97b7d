// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Dispatch
    import Glibc
    import LoopwatchCore
    import Testing

    @testable import LoopwatchPlatform

    /// Unwinds threads that block in known functions, and compares with their names and with what all registers tell.
    @Suite("Unwinder", .serialized)
    struct UnwinderTests {
        /// Which thread blocks.
        enum Place: String, CaseIterable, Sendable {
            case thread
            case queue
            case task
        }

        @Test(
            "finds all callers of a blocked thread, in order, and the same as from all registers",
            arguments: Place.allCases,
            BlockingWay.sleeping
        )
        func findsCallers(place: Place, way: BlockingWay) throws {
            RegisterTrap.install
            let blocked = BlockedCase(way)
            if way == .mutex { blocked.lock.lock() }
            let finish = try start(blocked, on: place)
            try eventually("the thread is about to block") { blocked.identifier != nil }
            let thread = try #require(blocked.identifier)
            var unwinder = Unwinder()
            var memory = StackMemory()
            let passive = try passiveStack(of: thread, in: way, &unwinder, &memory)
            // As if every module could be unloaded at any moment.
            var careful = Unwinder(modules: ModuleTable(copiesAll: true))
            let copied = try passiveStack(of: thread, in: way, &careful, &memory)
            blocked.allowEnd()
            let full = try RegisterTrap.hold(blocked.thread) { words in
                let registers = Registers(dwarf: words)
                memory.begin(liveAt: registers.stackPointer)
                return unwinder.unwind(from: registers, memory: &memory, framesMost: 1_000)
            }
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            finish()

            let names = SymbolNames()
            func text(_ stack: RawStack) -> [String] {
                stack.frames.map { frame in
                    let name = names.name(of: frame.isReturnAddress ? frame.address - 1 : frame.address)
                    return (frame.link == .asynchronous ? "< " : "") + (frame.isUncertain ? "? " : "") + name
                }
            }
            var wanted = way.names + ["unwindInner", "unwindMiddle", "unwindOuter"]
            if place == .task { wanted += ["asynchronousInner", "asynchronousMiddle", "asynchronousOuter"] }
            let found = text(passive)
            var missing = wanted[...]
            for name in found { if let next = missing.first, name.contains(next) { missing.removeFirst() } }
            #expect(missing.isEmpty, "missing \(missing) in \(found)")
            #expect(!passive.isTruncated, "\(found)")
            #expect(passive.frames == copied.frames, "from copies: \(text(copied)); where it is: \(found)")
            #expect(passive.frames == full.frames, "from all registers: \(text(full)); passive: \(found)")
            #expect(!full.isTruncated)
            #expect(!passive.frames.contains { $0.isUncertain }, "\(found)")
            let asynchronous = passive.frames.filter { $0.link == .asynchronous }
            #expect(asynchronous.isEmpty == (place != .task))
        }

        @Test("keeps to the frames that were asked for, and doubts contexts of a thread that has gone on")
        func limitsAndCopies() throws {
            RegisterTrap.install
            let blocked = BlockedCase(.usleep)
            let finish = try start(blocked, on: .task)
            try eventually("the thread is about to block") { blocked.identifier != nil }
            let thread = try #require(blocked.identifier)
            var unwinder = Unwinder()
            var memory = StackMemory()
            let whole = try passiveStack(of: thread, in: .usleep, &unwinder, &memory)
            guard case .inside(_, _, let stackPointer, let programCounter) = ThreadView(thread).call() else {
                throw NeverHappened(description: "the thread sleeps")
            }
            let from = Registers(programCounter: programCounter, stackPointer: stackPointer)
            for framesMost in [-1, 0, 1, 2, 5, whole.frames.count - 1] {
                memory.begin(liveAt: stackPointer)
                let cut = unwinder.unwind(from: from, memory: &memory, framesMost: framesMost)
                #expect(cut.frames.count == max(0, framesMost))
            }
            var copy: [UInt64] = []
            while copy.count < 2_048, let words = Memory.words(at: UInt(stackPointer) + UInt(copy.count * 8), count: 1)
            {
                copy += words
            }
            copy.withUnsafeBytes { memory.begin(copy: $0, at: stackPointer) }
            let copied = unwinder.unwind(from: from, memory: &memory, framesMost: 1_000)
            #expect(copied.frames.map(\.address) == whole.frames.map(\.address))
            #expect(copied.frames.allSatisfy { $0.isUncertain == ($0.link == .asynchronous) })
            // What was not copied cannot be read, though it is there.
            copy.prefix(8).withUnsafeBytes { memory.begin(copy: $0, at: stackPointer) }
            let short = unwinder.unwind(from: from, memory: &memory, framesMost: 1_000)
            #expect(short.isTruncated && short.frames.count < whole.frames.count)
            blocked.allowEnd()
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            finish()
        }

        @Test("reaches the beginning of the main thread")
        func mainThread() throws {
            var unwinder = Unwinder()
            var memory = StackMemory()
            let view = ThreadView(getpid())
            // It sleeps for as long as tests run; where it happens to run there is nothing to see.
            guard case .inside(_, _, let stackPointer, let programCounter) = view.call() else { return }
            let before = view.cpuNanoseconds()
            memory.begin(liveAt: stackPointer)
            let stack = unwinder.unwind(
                from: Registers(programCounter: programCounter, stackPointer: stackPointer),
                memory: &memory,
                framesMost: 1_000
            )
            guard view.cpuNanoseconds() == before else { return }
            #expect(!stack.isTruncated, "\(stack.frames.map { SymbolNames().name(of: $0.address) })")
        }

        @Test("finds the callers of a thread that computes, wherever it is interrupted")
        func interruptedAnywhere() throws {
            RegisterTrap.install
            let blocked = BlockedCase(.computing)
            let finish = try start(blocked, on: .thread)
            try eventually("the thread computes") { blocked.identifier != nil }
            var unwinder = Unwinder()
            var memory = StackMemory()
            let names = SymbolNames()
            let wanted = ["computeWords", "computeUntilReleased", "unwindInner", "unwindMiddle", "unwindOuter"]
            let rounds = 400
            var complete = 0
            var truncated = 0
            var wrong: [[String]] = []
            for round in 0..<rounds {
                // A different place each time.
                usleep(UInt32(100 + round * 7 % 90))
                let stack = try RegisterTrap.hold(blocked.thread) { words in
                    let registers = Registers(dwarf: words)
                    memory.begin(liveAt: registers.stackPointer)
                    return unwinder.unwind(from: registers, memory: &memory, framesMost: 200)
                }
                let found = stack.frames.map { names.name(of: $0.isReturnAddress ? $0.address - 1 : $0.address) }
                var missing = wanted[...]
                // Between two rounds the thread is in the outer function only.
                if !found.contains(where: { $0.contains("computeWords") }) { missing = wanted[1...] }
                for name in found { if let next = missing.first, name.contains(next) { missing.removeFirst() } }
                if stack.isTruncated {
                    truncated += 1
                } else if missing.isEmpty {
                    complete += 1
                } else {
                    wrong.append(found)
                }
            }
            blocked.release()
            try eventually("the thread gets through") { blocked.hasEnded }
            finish()
            #expect(wrong.isEmpty)
            #expect(complete >= rounds * 98 / 100, "\(complete) complete, \(truncated) truncated")
        }

        /// Starts a case; returns what ends its thread.
        private func start(_ blocked: BlockedCase, on place: Place) throws -> () -> Void {
            switch place {
            case .thread:
                let thread = try OwnThread(name: "blocked") {
                    _ = blocked.unwindOuter(1)
                    blocked.end()
                }
                return { thread.join() }
            case .queue:
                DispatchQueue(label: "blocked").async {
                    _ = blocked.unwindOuter(1)
                    blocked.end()
                }
                return {}
            case .task:
                let executor = try ThreadTaskExecutor()
                let thread = try OwnThread(name: "blocked") { executor.run() }
                Task(executorPreference: executor) {
                    _ = await blocked.asynchronousOuter(1)
                    blocked.end()
                }
                return {
                    executor.stop()
                    thread.join()
                }
            }
        }

        /// Unwinds a thread that sleeps in a system call, without touching it.
        private func passiveStack(
            of thread: ThreadIdentifier,
            in way: BlockingWay,
            _ unwinder: inout Unwinder,
            _ memory: inout StackMemory
        ) throws -> RawStack {
            let view = ThreadView(thread)
            var stack: RawStack?
            let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
            while stack == nil {
                guard Clock.now() < deadline else {
                    throw NeverHappened(description: "the thread sleeps in \(way.call)")
                }
                let before = view.cpuNanoseconds()
                guard case .inside(let number, _, let stackPointer, let programCounter) = view.call(),
                    SystemCall.name(of: number) == way.call
                else {
                    poll(nil, 0, 1)
                    continue
                }
                memory.begin(liveAt: stackPointer)
                let found = unwinder.unwind(
                    from: Registers(programCounter: programCounter, stackPointer: stackPointer),
                    memory: &memory,
                    framesMost: 1_000
                )
                if view.cpuNanoseconds() == before { stack = found }
            }
            return try #require(stack)
        }
    }
#endif
