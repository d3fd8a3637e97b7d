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
        /// Whether the thread takes no more.
        var isClosed = false
    }

    /// Who is to give back what the queue holds open.
    private enum End {
        /// Nobody yet.
        case open
        /// Whoever stops the queue: the thread has ended.
        case ended
        /// The thread, when it ends: nobody waits for it.
        case abandoned
    }

    private let name: String
    private let limit: Int
    private let turns: ThreadTurns
    private let storage = Mutex(Storage())
    private let wake: WakeSignal
    private let ended: WakeSignal
    private let isStopping = Atomic<Bool>(false)
    private let end = Mutex(End.open)
    private let thread = Mutex<OwnThread?>(nil)

    /// How long ``stop()`` waits for what is still queued, in nanoseconds.
    private static var stopNanoseconds: Int64 { 2_000_000_000 }

    /// Creates a queue the thread of which does not run yet.
    ///
    /// - Parameters:
    ///   - name: of the thread, at most 15 bytes.
    ///   - limit: entries that wait at most; more are dropped and counted.
    ///   - turns: how soon the thread gets a CPU.
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(name: String, limit: Int, turns: ThreadTurns = .short) throws {
        self.name = name
        self.limit = limit
        self.turns = turns
        wake = try WakeSignal()
        ended = try WakeSignal()
    }

    /// The thread, once it runs.
    var threadIdentifier: ThreadIdentifier? { thread.withLock { $0?.identifier } }

    /// Entries that were lost because the queue was full.
    var dropped: UInt64 { storage.withLock { $0.dropped } }

    /// Whether nobody waits any more for what the thread still does.
    var isAbandoned: Bool { end.withLock { $0 == .abandoned } }

    /// Whether the thread is to end once it has done what is queued.
    var isStopped: Bool { isStopping.load(ordering: .acquiring) }

    /// Starts the thread, with a body that takes entries by ``next()`` until there are none.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start(_ body: @escaping @Sendable () -> Void) throws {
        let started = try OwnThread(name: name, turns: turns) {
            body()
            let wasAbandoned = self.end.withLock { end in
                defer { end = .ended }
                return end == .abandoned
            }
            if wasAbandoned { self.close() } else { self.ended.wake() }
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
        let hasEnded =
            !thread.isCurrent && ended.wait(until: Clock.now().advanced(byNanoseconds: Self.stopNanoseconds))
            || !end.withLock { end in
                if end == .open { end = .abandoned }
                return end == .abandoned
            }
        guard hasEnded else { return thread.detach() }
        thread.join()
        close()
    }

    private func close() {
        wake.close()
        ended.close()
    }

    /// Adds an entry; never blocks.
    ///
    /// - Parameters:
    ///   - entry: what to add; left out when the queue is full.
    ///   - isLoss: whether to count it then.
    /// - Returns: whether it was added: not when the queue is full, or its thread has done everything and ends.
    @discardableResult
    func enqueue(_ entry: Entry, isLoss: Bool = true) -> Bool {
        let isAdded = storage.withLock { storage in
            if storage.queue.count < limit, !storage.isClosed {
                storage.queue.append(entry)
                return true
            }
            if isLoss { storage.dropped += 1 }
            return false
        }
        if isAdded { wake.wake() }
        return isAdded
    }

    /// On the thread: what is queued; `nil` when the thread is to end.
    ///
    /// What is given out once ``isAbandoned`` is to be dropped.
    ///
    /// - Parameter deadline: until when to wait for something, after which there is an empty list; `nil`: for ever.
    func next(until deadline: MonotonicInstant? = nil) -> [Entry]? {
        while true {
            let isLast = isStopping.load(ordering: .acquiring)
            let entries = storage.withLock { storage in
                defer { storage.queue = [] }
                if isLast, storage.queue.isEmpty { storage.isClosed = true }
                return storage.queue
            }
            if !entries.isEmpty { return entries }
            if isLast { return nil }
            if let deadline, Clock.now() >= deadline { return [] }
            _ = wake.wait(until: deadline)
        }
    }
}
