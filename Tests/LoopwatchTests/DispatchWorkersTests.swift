// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchPlatform
import Testing

@testable import Loopwatch

@Suite("Threads that serve queues")
struct DispatchWorkersTests {
    private static func compute(nanoseconds: Int64) {
        let start = Clock.ownCPUNanoseconds() ?? 0
        while (Clock.ownCPUNanoseconds() ?? .max) - start < nanoseconds {}
    }

    @Test("what one computed since the latest pass is known, whichever queue it served before")
    func computed() throws {
        let workers = DispatchWorkers()
        let own = OwnThread.currentIdentifier
        workers.note(own)
        Self.compute(nanoseconds: 2_000_000)
        workers.refresh()
        let before = workers.worker(own)
        Self.compute(nanoseconds: 5_000_000)
        // As it was at the end of the pass, until the next.
        let unchanged = workers.worker(own)
        #expect(unchanged.cpuNanoseconds == before.cpuNanoseconds)
        var now = unchanged
        let isThere = now.read()
        #expect(isThere)
        let computed = try #require(now.cpuNanoseconds) - (try #require(before.cpuNanoseconds))
        #expect(computed >= 5_000_000)
    }

    @Test("of one that was not seen before nothing is known")
    func unknown() {
        let worker = DispatchWorkers().worker(OwnThread.currentIdentifier)
        #expect(worker.cpuNanoseconds == nil && worker.schedule == nil)
    }

    @Test("of one that was noted in this pass another queue knows no more than the first did")
    func notedInThisPass() {
        let workers = DispatchWorkers()
        let own = OwnThread.currentIdentifier
        workers.note(own)
        #expect(workers.worker(own).cpuNanoseconds == nil && workers.worker(own).schedule == nil)
        workers.refresh()
        #expect(workers.worker(own).cpuNanoseconds != nil && workers.worker(own).schedule != nil)
    }

    @Test("one that has ended is forgotten, and no more are remembered than the limit")
    func limits() throws {
        let workers = DispatchWorkers()
        let own = OwnThread.currentIdentifier
        workers.note(own)
        let signals = try (0..<Limits.dispatchWorkers).map { _ in try WakeSignal() }
        let threads = try signals.map { signal in
            try OwnThread(name: "worker") { _ = signal.wait(until: nil) }
        }
        for thread in threads { workers.note(thread.identifier) }
        workers.refresh()
        #expect(workers.worker(own).cpuNanoseconds == nil)
        #expect(threads.allSatisfy { workers.worker($0.identifier).cpuNanoseconds != nil })
        for signal in signals { signal.wake() }
        for thread in threads { thread.join() }
        // A thread that was waited for is still the kernel's for a moment.
        try eventually("the threads are forgotten") {
            workers.refresh()
            return threads.allSatisfy { workers.worker($0.identifier).cpuNanoseconds == nil }
        }
    }
}
