// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
    import Dispatch
    import Glibc
    import LoopwatchPlatform
    import Synchronization

    /// How a thread may block.
    enum BlockingWay: String, Sendable {
        case usleep
        case poll
        case read
        case mutex
        case semaphore
        case dynamicFrame
        case recursion
        case alignedFrame
        case sortClosure
        case generic
        case deinitializer
        /// It does not block: it computes, in the standard library and in the allocator.
        case computing

        /// The ways that end in a system call.
        static let sleeping: [BlockingWay] = [
            .usleep, .poll, .read, .mutex, .semaphore, .dynamicFrame, .recursion, .alignedFrame, .sortClosure, .generic,
            .deinitializer,
        ]

        /// The system call that it ends up in.
        var call: String {
            switch self {
            case .usleep, .recursion, .alignedFrame, .dynamicFrame, .sortClosure, .generic, .deinitializer:
                "clock_nanosleep"
            case .computing: "none"
            case .poll: "poll"
            case .read: "read"
            case .mutex, .semaphore: "futex"
            }
        }

        /// Parts of the names of the functions that block, innermost first.
        var names: [String] {
            switch self {
            case .usleep: ["sleepUntilReleased", "blockInUsleep"]
            case .poll: ["blockInPoll"]
            case .read: ["blockInRead"]
            case .mutex: ["blockInMutex"]
            case .semaphore: ["blockInSemaphore"]
            case .dynamicFrame: ["sleepUntilReleased", "blockInDynamicFrame"]
            case .alignedFrame: ["sleepUntilReleased", "blockInAlignedFrame"]
            case .recursion: ["sleepUntilReleased"] + Array(repeating: "blockInRecursion", count: 301)
            case .sortClosure: ["sleepUntilReleased", "blockInSort"]
            case .generic: ["sleepUntilReleased", "blockInGeneric"]
            case .deinitializer: ["sleepUntilReleased", "blockInDeinitializer"]
            case .computing: ["computeUntilReleased"]
            }
        }
    }

    /// What a thread that blocks and the test share.
    final class BlockedCase: Sendable {
        let way: BlockingWay
        private let identifierWord = Atomic<Int32>(0)
        private let threadWord = Atomic<UInt>(0)
        private let isReleased = Atomic<Bool>(false)
        private let isDone = Atomic<Bool>(false)
        let lock = TestLock()
        let semaphore = DispatchSemaphore(value: 0)
        let pipeEnds: [CInt]

        init(_ way: BlockingWay) {
            self.way = way
            var ends: [CInt] = [0, 0]
            pipe(&ends)
            pipeEnds = ends
        }

        deinit { for end in pipeEnds { close(end) } }

        /// The thread's number, once it is about to block.
        var identifier: ThreadIdentifier? {
            let value = identifierWord.load(ordering: .acquiring)
            return value == 0 ? nil : value
        }
        /// The thread.
        var thread: pthread_t { pthread_t(threadWord.load(ordering: .acquiring)) }
        /// Whether the thread has got through.
        var hasEnded: Bool { isDone.load(ordering: .acquiring) }

        /// Says, on the thread, that it is about to block.
        func begin() {
            RegisterTrap.allow()
            threadWord.store(UInt(pthread_self()), ordering: .releasing)
            identifierWord.store(OwnThread.currentIdentifier, ordering: .releasing)
        }

        /// Says, on the thread, that it is through.
        func end() { isDone.store(true, ordering: .releasing) }

        /// Has sleeps end when they are next cut short.
        func allowEnd() { isReleased.store(true, ordering: .releasing) }

        /// Ends the block, if it is not a sleep.
        func release() {
            allowEnd()
            switch way {
            case .read:
                var byte: UInt8 = 1
                write(pipeEnds[1], &byte, 1)
            case .mutex: lock.unlock()
            case .semaphore: semaphore.signal()
            case .computing: break
            default: pthread_kill(thread, RegisterTrap.signal)
            }
        }

        // MARK: - What the thread does

        @inline(never) func unwindOuter(_ depth: Int) -> Int { unwindMiddle(depth) &+ depth }
        @inline(never) func unwindMiddle(_ depth: Int) -> Int { [depth].map { unwindInner($0) &+ 1 }.reduce(0, &+) }

        @inline(never) func unwindInner(_ depth: Int) -> Int {
            let result: Int
            switch way {
            case .usleep: result = blockInUsleep(depth)
            case .poll: result = blockInPoll(depth)
            case .read: result = blockInRead(depth)
            case .mutex: result = blockInMutex(depth)
            case .semaphore: result = blockInSemaphore(depth)
            case .dynamicFrame: result = blockInDynamicFrame(depth)
            case .recursion: result = blockInRecursion(300)
            case .alignedFrame: result = blockInAlignedFrame(depth)
            case .sortClosure: result = blockInSort(depth)
            case .generic: result = blockInGeneric("\(depth)")
            case .deinitializer: result = blockInDeinitializer(depth)
            case .computing: result = computeUntilReleased(depth)
            }
            return result &+ depth
        }

        @inline(never) func sleepUntilReleased() -> Int {
            begin()
            var count = 0
            while !isReleased.load(ordering: .acquiring) {
                usleep(20_000_000)
                count += 1
            }
            return count
        }

        @inline(never) func blockInUsleep(_ depth: Int) -> Int { sleepUntilReleased() &+ depth }

        @inline(never) func blockInPoll(_ depth: Int) -> Int {
            begin()
            var entry = pollfd(fd: pipeEnds[0], events: Int16(POLLIN), revents: 0)
            var count = depth
            while !isReleased.load(ordering: .acquiring) { count &+= Int(Glibc.poll(&entry, 1, 20_000)) }
            return count
        }

        @inline(never) func blockInRead(_ depth: Int) -> Int {
            begin()
            var byte: UInt8 = 0
            while Glibc.read(pipeEnds[0], &byte, 1) < 0 {}
            return depth &+ Int(byte)
        }

        @inline(never) func blockInMutex(_ depth: Int) -> Int {
            begin()
            lock.lock()
            lock.unlock()
            return depth &+ 1
        }

        @inline(never) func blockInSemaphore(_ depth: Int) -> Int {
            begin()
            semaphore.wait()
            return depth &+ 1
        }

        @inline(never) func blockInDynamicFrame(_ depth: Int) -> Int {
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 60 + depth) { buffer in
                for index in 0..<buffer.count { buffer[index] = UInt64(index) }
                let result = sleepUntilReleased()
                return result &+ Int(buffer[buffer.count - 1])
            }
        }

        @inline(never) func blockInAlignedFrame(_ depth: Int) -> Int {
            var vector = SIMD64<UInt8>(repeating: UInt8(truncatingIfNeeded: depth))
            return withUnsafeMutableBytes(of: &vector) { bytes in
                let result = sleepUntilReleased()
                return result &+ Int(bytes[depth & 63])
            }
        }

        @inline(never) func blockInRecursion(_ left: Int) -> Int {
            // Nothing that the optimiser could make a loop or a jump of.
            left == 0 ? sleepUntilReleased() &+ 1 : (blockInRecursion(left - 1) &* 31) ^ left
        }

        @inline(never) func blockInSort(_ depth: Int) -> Int {
            var isFirst = true
            return [3, 1, 2, depth].sorted { left, right in
                if isFirst { _ = sleepUntilReleased() }
                isFirst = false
                return left < right
            }[0]
        }

        @inline(never) func blockInGeneric<Value: Hashable>(_ value: Value) -> Int {
            let copy = value
            let result = sleepUntilReleased()
            return result &+ (Set([copy, value]).count)
        }

        @inline(never) func blockInDeinitializer(_ depth: Int) -> Int {
            var kept: [Any] = [Sleeper(self), depth]
            kept.removeAll()
            return kept.count &+ depth
        }

        @inline(never) func computeUntilReleased(_ depth: Int) -> Int {
            begin()
            var sum = depth
            while !isReleased.load(ordering: .acquiring) { sum &+= computeWords(sum) &* 31 }
            return sum
        }

        @inline(never) func computeWords(_ seed: Int) -> Int {
            var counts: [String: Int] = [:]
            for index in 0..<8 { counts["key \(index &* seed)", default: 0] += index }
            let text = counts.keys.sorted().joined(separator: ",")
            return text.utf8.reduce(counts.count) { $0 &* 33 &+ Int($1) }
        }

        private final class Sleeper {
            let blocked: BlockedCase
            init(_ blocked: BlockedCase) { self.blocked = blocked }
            deinit { _ = blocked.sleepUntilReleased() }
        }

        @inline(never) func asynchronousOuter(_ depth: Int) async -> Int {
            await Task.yield()
            return await asynchronousMiddle(depth) &+ 1
        }
        @inline(never) func asynchronousMiddle(_ depth: Int) async -> Int {
            await Task.yield()
            let result = await asynchronousInner(depth)
            await Task.yield()
            return result &+ 1
        }
        @inline(never) func asynchronousInner(_ depth: Int) async -> Int {
            await Task.yield()
            let result = unwindOuter(depth)
            await Task.yield()
            return result
        }
    }
#endif
