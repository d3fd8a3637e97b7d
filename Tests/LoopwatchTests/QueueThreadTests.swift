// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Synchronization
import Testing

@testable import Loopwatch

extension Live {
    @Suite("A queue and its thread")
    struct QueueThreadTests {
        @Test("what is queued is done in order, also what is queued when it stops")
        func order() throws {
            let queue = try QueueThread<Int>(name: "test-queue", limit: 1_000)
            let done = Guarded<[Int]>([])
            try queue.start {
                while let entries = queue.next() { done.withLock { $0 += entries } }
            }
            for number in 0..<500 { queue.enqueue(number) }
            queue.stop()
            #expect(done.withLock { $0 } == Array(0..<500))
            #expect(queue.dropped == 0 && queue.threadIdentifier == nil)
            // Nobody takes what comes later, and nobody waits for it.
            #expect(!queue.enqueue(500))
            queue.stop()
            #expect(done.withLock { $0.count } == 500)
        }

        @Test("what does not fit is dropped, and counted if it is a loss")
        func bound() throws {
            let queue = try QueueThread<Int>(name: "test-queue", limit: 3)
            for number in 0..<5 { queue.enqueue(number) }
            queue.enqueue(5, isLoss: false)
            #expect(queue.dropped == 2)
            #expect(queue.next() == [0, 1, 2])
            queue.enqueue(6)
            #expect(queue.next() == [6])
            queue.stop()
            #expect(queue.next() == nil)
        }

        @Test("a thread may stop its own queue")
        func ownThread() throws {
            let queue = try QueueThread<Int>(name: "test-queue", limit: 3)
            let isDone = Atomic(false)
            try queue.start {
                while let entries = queue.next() {
                    if entries == [1] { queue.stop() }
                }
                isDone.store(true, ordering: .releasing)
            }
            queue.enqueue(1)
            try eventually("the thread ends") { isDone.load(ordering: .acquiring) }
        }
    }
}
