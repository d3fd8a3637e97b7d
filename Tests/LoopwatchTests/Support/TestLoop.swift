// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch
import LoopwatchPlatform
import Synchronization

/// A serial loop with a thread of its own.
protocol TestLoop: AnyObject, Sendable {
    /// Runs a job on the loop.
    func execute(_ job: @escaping @Sendable () -> Void)
    /// Ends the loop's thread after the jobs that were given, and waits for it.
    func stop()
    /// The loop's thread.
    var thread: ThreadIdentifier { get }
}

extension TestLoop {
    /// The loop as a target.
    func target(_ name: String) -> WatchTarget {
        .loop(name) { self.execute($0) }
    }
}

/// Kinds of loops that wait as real ones do.
enum LoopKind: Sendable, CaseIterable {
    /// Waits for a condition variable.
    case condition
    /// Waits in poll(2) for a pipe.
    case poll

    /// Starts a loop.
    func start() throws -> any TestLoop {
        switch self {
        case .condition: try ConditionLoop()
        case .poll: try PollLoop()
        }
    }
}

/// Waits for a condition variable, as executors of many languages do.
final class ConditionLoop: TestLoop {
    private struct Storage {
        var jobs: [@Sendable () -> Void] = []
        var isOver = false
    }

    // nonisolated(unsafe): made for use by several threads; `storage` is guarded by `mutex`.
    nonisolated(unsafe) private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    nonisolated(unsafe) private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    nonisolated(unsafe) private var storage = Storage()
    private let own = Mutex<OwnThread?>(nil)
    private let identifier = Atomic<ThreadIdentifier>(0)

    /// Starts the loop.
    init() throws {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        let started = try OwnThread(name: "test-condition", blocksSignals: false) { self.run() }
        identifier.store(started.identifier, ordering: .relaxed)
        own.withLock { $0 = started }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    var thread: ThreadIdentifier { identifier.load(ordering: .relaxed) }

    func execute(_ job: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(mutex)
        storage.jobs.append(job)
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
    }

    func stop() {
        guard let thread = own.withLock({ $0.take() }) else { return }
        pthread_mutex_lock(mutex)
        storage.isOver = true
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
        thread.join()
    }

    private func run() {
        while let batch = nextBatch() {
            for job in batch { job() }
        }
    }

    private func nextBatch() -> [@Sendable () -> Void]? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while storage.jobs.isEmpty {
            if storage.isOver { return nil }
            pthread_cond_wait(condition, mutex)
        }
        defer { storage.jobs = [] }
        return storage.jobs
    }
}

/// Waits in poll(2) for a pipe, as event loops do for their sockets.
final class PollLoop: TestLoop {
    private struct Storage {
        var jobs: [@Sendable () -> Void] = []
        var isOver = false
    }

    private let storage = Guarded(Storage())
    private let own = Mutex<OwnThread?>(nil)
    private let identifier = Atomic<ThreadIdentifier>(0)
    private let readEnd: CInt
    private let writeEnd: CInt

    /// Starts the loop.
    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError(operation: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        readEnd = ends[0]
        writeEnd = ends[1]
        let started = try OwnThread(name: "test-poll", blocksSignals: false) { self.run() }
        identifier.store(started.identifier, ordering: .relaxed)
        own.withLock { $0 = started }
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    var thread: ThreadIdentifier { identifier.load(ordering: .relaxed) }

    func execute(_ job: @escaping @Sendable () -> Void) {
        storage.withLock { $0.jobs.append(job) }
        wake()
    }

    func stop() {
        guard let thread = own.withLock({ $0.take() }) else { return }
        storage.withLock { $0.isOver = true }
        wake()
        thread.join()
    }

    private func wake() {
        // A full pipe wakes as well as one more byte.
        var byte: UInt8 = 1
        _ = write(writeEnd, &byte, 1)
    }

    private func run() {
        var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while true {
            poll(&entry, 1, -1)
            _ = read(readEnd, &bytes, bytes.count)
            let (batch, isOver) = storage.withLock { storage in
                defer { storage.jobs = [] }
                return (storage.jobs, storage.isOver)
            }
            for job in batch { job() }
            if isOver { return }
        }
    }
}

/// Runs a body with a loop of each kind, and ends them.
func withLoops(_ kinds: [LoopKind] = LoopKind.allCases, _ body: ([any TestLoop]) throws -> Void) throws {
    var loops: [any TestLoop] = []
    defer { for loop in loops { loop.stop() } }
    for kind in kinds { loops.append(try kind.start()) }
    try body(loops)
}
