// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds the threads of another process that are event loops, from samples of what its threads sleep in.
public struct LoopRanking: Sendable {
    /// What one thread slept in.
    public struct Sample: Sendable, Equatable {
        /// The thread.
        public var thread: Int32
        /// Its name, of at most 15 bytes.
        public var comm: String
        /// The call that it waits for work in; `nil` if it does something else.
        public var wait: WaitCall?
        /// Whether that is a call of epoll, whose descriptor says whose wait it is.
        public var isEpoll: Bool
        /// Whether it is the thread that the process began with.
        public var isMain: Bool

        /// Creates a sample.
        public init(thread: Int32, comm: String, wait: WaitCall?, isEpoll: Bool, isMain: Bool) {
            self.thread = thread
            self.comm = comm
            self.wait = wait
            self.isEpoll = isEpoll
            self.isMain = isMain
        }
    }

    /// A thread that is an event loop.
    public struct Loop: Sendable, Equatable {
        /// The thread.
        public var thread: Int32
        /// Its name, of at most 15 bytes.
        public var comm: String
        /// Where it waits for work.
        public var wait: WaitCall
        /// Whether it is the thread that the process began with.
        public var isMain: Bool
    }

    private struct Seen: Sendable {
        var comm: String
        var isMain: Bool
        var samples = 0
        var waits: [WaitCall: Int] = [:]
        var epollWaits = 0
    }

    private var threads: [Int32: Seen] = [:]
    /// By which threads each epoll descriptor was waited on: one that several wait on is a scheduler's, and no loop's.
    private var waiters: [UInt64: Set<Int32>] = [:]
    private let waitsLeast: Int

    /// Creates a ranking.
    ///
    /// - Parameter waitsLeast: how often a thread has to be seen in the same wait before it is taken for a loop.
    public init(waitsLeast: Int = 3) {
        self.waitsLeast = waitsLeast
    }

    /// Adds one sample of one thread.
    public mutating func add(_ sample: Sample) {
        var seen = threads[sample.thread] ?? Seen(comm: sample.comm, isMain: sample.isMain)
        guard threads[sample.thread] != nil || threads.count < Limits.remoteThreads else { return }
        seen.comm = sample.comm
        seen.samples += 1
        if let wait = sample.wait, sample.isEpoll || sample.isMain,
            seen.waits[wait] != nil || seen.waits.count < Limits.remoteWaits
        {
            seen.waits[wait, default: 0] += 1
            if sample.isEpoll {
                seen.epollWaits += 1
                waiters[wait.descriptor, default: []].insert(sample.thread)
            }
        }
        threads[sample.thread] = seen
    }

    /// Forgets a thread that has ended.
    public mutating func remove(_ thread: Int32) {
        threads[thread] = nil
        waiters = waiters.mapValues { $0.subtracting([thread]) }.filter { !$0.value.isEmpty }
    }

    /// The loops: that of the main thread first, then those that were seen waiting most often.
    public var loops: [Loop] {
        let found = threads.compactMap { thread, seen -> (Loop, Int)? in
            guard !Self.isExcluded(seen.comm),
                let (wait, count) = seen.waits.max(by: { left, right in
                    (left.value, right.key.descriptor) < (right.value, left.key.descriptor)
                }),
                count >= waitsLeast, (waiters[wait.descriptor]?.count ?? 1) <= 1
            else { return nil }
            return (Loop(thread: thread, comm: seen.comm, wait: wait, isMain: seen.isMain), count)
        }
        let timer = delayedTaskThread
        return found.filter { $0.0.thread != timer }.sorted { left, right in
            if left.0.isMain != right.0.isMain { return left.0.isMain }
            return (right.1, left.0.thread) < (left.1, right.0.thread)
        }.map(\.0)
    }

    /// V8's timer thread in versions of Node that do not name their threads: the first that was started.
    private var delayedTaskThread: Int32? {
        guard threads.values.contains(where: { $0.isMain && $0.comm == "node" }) else { return nil }
        return threads.filter { !$0.value.isMain && $0.value.comm == "node" }.keys.min()
    }

    /// Threads that wait in epoll and run none of the application's code: V8's timer for delayed tasks, and Dispatch's
    /// manager.
    private static func isExcluded(_ comm: String) -> Bool {
        comm.hasPrefix("DelayedTaskSche") || comm.hasPrefix("V8Worker") || comm.hasSuffix("-qos.overcommit")
    }
}
