// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A bounded queue, and the one thread that empties it.
///
/// Filling it never blocks, whatever the thread is held up by. All functions but ``next()`` are safe from any thread.
final class QueueThread<Entry: Sendable>: Sendable {
    private struct Storage {
        var queue: [Entry] = []
        var dropped: UInt64 = 0
    }

    private let name: String
    private let limit: Int
    private let storage = Mutex(Storage())
    private let wake: WakeSignal
    private let ended: WakeSignal
    private let isStopping = Atomic<Bool>(false)
    private let abandoned = Atomic<Bool>(false)
    private let thread = Mutex<OwnThread?>(nil)

    /// How long ``stop()`` waits for what is still queued, in nanoseconds.
    private static var stopNanoseconds: Int64 { 2_000_000_000 }

    /// Creates a queue the thread of which does not run yet.
    ///
    /// - Parameters:
    ///   - name: of the thread, at most 15 bytes.
    ///   - limit: entries that wait at most; more are dropped and counted.
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(name: String, limit: Int) throws {
        self.name = name
        self.limit = limit
        wake = try WakeSignal()
        ended = try WakeSignal()
    }

    /// The thread, once it runs.
    var threadIdentifier: ThreadIdentifier? { thread.withLock { $0?.identifier } }

    /// Entries that were lost because the queue was full.
    var dropped: UInt64 { storage.withLock { $0.dropped } }

    /// Whether nobody waits any more for what the thread still does.
    var isAbandoned: Bool { abandoned.load(ordering: .acquiring) }

    /// Starts the thread, with a body that takes entries by ``next()`` until there are none.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start(_ body: @escaping @Sendable () -> Void) throws {
        let started = try OwnThread(name: name) {
            body()
            self.ended.wake()
        }
        thread.withLock { $0 = started }
    }

    /// Lets the thread do what is queued, for at most two seconds, and ends it.
    ///
    /// A thread that is held up for longer goes on until it returns; nothing waits for it, and what is queued behind is
    /// dropped.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
        guard let thread = thread.withLock({ $0.take() }) else { return }
        guard !thread.isCurrent else { return thread.detach() }
        if ended.wait(until: Clock.now().advanced(byNanoseconds: Self.stopNanoseconds)) {
            thread.join()
            wake.close()
            ended.close()
        } else {
            abandoned.store(true, ordering: .releasing)
            thread.detach()
        }
    }

    /// Adds an entry; never blocks.
    ///
    /// - Parameters:
    ///   - entry: what to add; left out when the queue is full.
    ///   - isLoss: whether to count it then.
    func enqueue(_ entry: Entry, isLoss: Bool = true) {
        storage.withLock { storage in
            if storage.queue.count < limit {
                storage.queue.append(entry)
            } else if isLoss {
                storage.dropped += 1
            }
        }
        wake.wake()
    }

    /// On the thread: what is queued; `nil` when the thread is to end.
    ///
    /// - Parameter waits: whether to wait until there is something.
    ///
    /// What is given out once ``isAbandoned`` is to be dropped.
    func next(waits: Bool = true) -> [Entry]? {
        while true {
            let isLast = isStopping.load(ordering: .acquiring)
            let entries = storage.withLock { storage in
                defer { storage.queue = [] }
                return storage.queue
            }
            if !entries.isEmpty { return entries }
            if isLast { return nil }
            if !waits { return [] }
            _ = wake.wait(until: nil)
        }
    }
}
