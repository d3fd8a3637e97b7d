// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Captures {
    /// Threads that do everything at once, captured all the time.
    @Suite("Capture storm")
    struct Storm {
        /// How many captures; `LOOPWATCH_STORM_CAPTURES` sets another number.
        private static let captures: Int =
            getenv("LOOPWATCH_STORM_CAPTURES").flatMap { Int(String(cString: $0)) } ?? 2_000

        private struct Thrown: Error {}

        /// What the threads share.
        private final class Population: Sendable {
            private let lock = TestLock()
            // nonisolated(unsafe): guarded by the lock.
            nonisolated(unsafe) private var threads: [ThreadIdentifier] = []
            let isStopping = Atomic<Bool>(false)
            let disturbed = Atomic<Int>(0)

            func add(_ thread: ThreadIdentifier) {
                lock.lock()
                defer { lock.unlock() }
                if threads.count >= 4 { threads.removeFirst() }
                threads.append(thread)
            }

            func all() -> [ThreadIdentifier] {
                lock.lock()
                defer { lock.unlock() }
                return threads
            }
        }

        @inline(never)
        private static func recurse(_ depth: Int) -> Int { depth == 0 ? 0 : 1 + recurse(depth - 1) }

        @inline(never)
        private static func fail(_ depth: Int) throws -> Int {
            if depth == 0 { throw Thrown() }
            return try 1 + fail(depth - 1)
        }

        /// One thing that a thread does for a while.
        private static func act(_ kind: Int, _ population: Population) {
            switch kind % 6 {
            case 0:
                var pieces: [[UInt8]] = []
                for size in 0..<64 { pieces.append([UInt8](repeating: 1, count: 1 << (size % 16))) }
                if pieces.count != 64 { population.disturbed.add(1, ordering: .relaxed) }
            case 1: _ = try? fail(50)
            case 2: if recurse(500) != 500 { population.disturbed.add(1, ordering: .relaxed) }
            case 3: if usleep(200) != 0 { population.disturbed.add(1, ordering: .relaxed) }
            case 4: if poll(nil, 0, 1) != 0 { population.disturbed.add(1, ordering: .relaxed) }
            default:
                let until = Clock.now().advanced(byNanoseconds: 3_000_000)
                while Clock.now() < until {}
            }
        }

        @Test("threads that allocate, throw, recurse, sleep, begin and end are captured, and nothing happens to them")
        func storm() throws {
            let population = Population()
            var threads: [OwnThread] = []
            for kind in 0..<6 {
                threads.append(
                    try OwnThread(name: "storm-\(kind)") {
                        unblock()
                        while !population.isStopping.load(ordering: .acquiring) { Storm.act(kind, population) }
                    }
                )
            }
            let stable = threads.map(\.identifier)
            threads.append(
                try OwnThread(name: "storm-births") {
                    var kind = 0
                    while !population.isStopping.load(ordering: .acquiring) {
                        kind += 1
                        let mine = kind
                        let thread = try? OwnThread(name: "storm-child") {
                            unblock()
                            for _ in 0..<3 { Storm.act(mine, population) }
                        }
                        if let thread { population.add(thread.identifier) }
                        thread?.join()
                    }
                }
            )
            var capture = ThreadCapture(policy: CapturePolicy())
            var random = SystemRandomNumberGenerator()
            for number in 0..<Self.captures {
                // Every other one is of a thread that is being born or ending, or has just ended.
                let passing = number % 2 == 0 ? [] : population.all()
                guard let thread = (passing.isEmpty ? stable : passing).randomElement(using: &random) else { continue }
                _ = capture.capture(ThreadView(thread)) { registers, memory, _ in
                    var sum: UInt64 = 0
                    for index in 0..<64 as Range<UInt64> {
                        sum &+= memory.word(at: (registers.stackPointer & ~7) &+ 8 &* index) ?? 0
                    }
                    return sum
                }
            }
            population.isStopping.store(true, ordering: .releasing)
            for thread in threads { thread.join() }
            let statistics = capture.statistics
            #expect((population.disturbed.load(ordering: .acquiring)) == 0)
            #expect(
                statistics.passive + statistics.signalled + statistics.discarded + statistics.omitted == Self.captures
            )
            #expect(statistics.passive > 0)
            if !isThreadSanitized { #expect(statistics.signalled > 0) }
            print("storm: \(statistics)")
        }
    }
}
