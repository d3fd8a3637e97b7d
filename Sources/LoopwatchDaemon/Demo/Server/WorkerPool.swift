// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchPlatform
internal import Synchronization

/// A pool of threads with one queue, as servers have them for what would block a loop.
final class WorkerPool: Sendable {
    /// The pool's name; the threads' begin with it.
    let name: String
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let waiting = Atomic<Int>(0)
    private let threads = Mutex<[OwnThread]>([])
    private let threadCount = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)
    private let wake: WakeSignal

    /// Creates a pool without threads.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(name: String) throws {
        self.name = name
        wake = try WakeSignal()
    }

    /// Jobs that wait for a thread.
    var depth: Int { waiting.load(ordering: .relaxed) }

    /// How many threads there are.
    var size: Int { threadCount.load(ordering: .relaxed) }

    /// Starts the threads.
    ///
    /// - Throws: ``SystemError`` when the system allows no more.
    func start(threads count: Int) throws {
        for number in 0..<count {
            let thread = try OwnThread(name: "\(name)-\(number)", blocksSignals: false) { self.runWorker() }
            threads.withLock { $0.append(thread) }
            threadCount.wrappingAdd(1, ordering: .relaxed)
        }
    }

    /// Has a thread run a job, after those that were handed in before.
    func submit(_ job: @escaping @Sendable () -> Void) {
        waiting.wrappingAdd(1, ordering: .relaxed)
        jobs.withLock { $0.append(job) }
        wake.wake()
    }

    /// Ends the threads after their current jobs and waits for them; jobs that wait are dropped.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
        let ended = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in ended { thread.join() }
    }

    @inline(never)
    private func runWorker() {
        while !isStopping.load(ordering: .acquiring) {
            let (job, isMore) = jobs.withLock { jobs in
                (jobs.isEmpty ? nil : jobs.removeFirst(), !jobs.isEmpty)
            }
            // A wake-up may have been taken by the one thread for the jobs of many: it is passed on.
            if isMore { wake.wake() }
            if let job {
                waiting.wrappingSubtract(1, ordering: .relaxed)
                job()
            } else {
                _ = wake.wait(until: nil)
            }
        }
        wake.wake()
    }
}
