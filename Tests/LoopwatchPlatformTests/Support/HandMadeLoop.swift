// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A loop made by hand, of functions that are not inlined, which runs what it is given from a list.
///
/// In a file of its own, because code near a beat's is taken for the beat's.
final class HandMadeLoop: Sendable {
    /// Something to do; not a bare closure, which an array would wrap, so that frames of its own stood in between.
    struct Job: Sendable {
        /// Does it.
        var run: @Sendable () -> Void
    }

    private let lock = TestLock()
    // nonisolated(unsafe): guarded by the lock.
    nonisolated(unsafe) private var queue: [Job] = []
    /// Whether it is to end.
    let isStopping = Atomic<Bool>(false)

    /// Runs jobs until told to stop.
    @inline(never)
    func run() {
        var count: UInt64 = 0
        while !isStopping.load(ordering: .acquiring) { tick(&count) }
        HandMadeLoop.keep(count)
    }

    /// Runs the jobs that are there.
    @inline(never)
    private func tick(_ count: inout UInt64) {
        let jobs = enqueue([])
        for job in jobs {
            count += 1
            perform(job, number: count)
        }
        HandMadeLoop.keep(count)
    }

    /// Has the loop do something next; returns what it was to do so far, which it does not do any more.
    @discardableResult
    func enqueue(_ jobs: [Job]) -> [Job] {
        lock.lock()
        defer { lock.unlock() }
        let before = queue
        queue = jobs
        return before
    }

    /// Runs one job, with its number in the frame.
    @inline(never)
    private func perform(_ job: Job, number: UInt64) {
        var mark = number
        job.run()
        mark += 1
        HandMadeLoop.keep(mark)
    }

    /// Has the compiler hold a value.
    @inline(never)
    private static func keep(_ value: UInt64) {
        if value == .max { print("never") }
    }
}
