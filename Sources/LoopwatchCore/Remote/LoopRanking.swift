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
        /// Whether it sleeps, in whatever call.
        public var isAsleep: Bool
        /// How often it was put on a CPU: two samples of one sleep have the same number; `nil` where that is not known.
        public var runs: Int64?

        /// Creates a sample.
        public init(
            thread: Int32,
            comm: String,
            wait: WaitCall?,
            isEpoll: Bool,
            isMain: Bool,
            isAsleep: Bool,
            runs: Int64? = nil
        ) {
            self.thread = thread
            self.comm = comm
            self.wait = wait
            self.isEpoll = isEpoll
            self.isMain = isMain
            self.isAsleep = isAsleep
            self.runs = runs
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
        var waits: [WaitCall: Int] = [:]
        /// Of ``waits``, those by epoll.
        var epollWaits: Set<WaitCall> = []
        var sleeps = Sleeps()
    }

    /// What a thread slept in, each sleep counted once, however long it was.
    ///
    /// A call such as poll(2) is a loop's wait in one program, and in another what its main thread does now and then between
    /// other sleeps, as a supervisor does that asks its workers whether they are well. A thread of the second kind would seem
    /// blocked in each of the others.
    private struct Sleeps: Sendable {
        /// Sleeps in calls that wait for descriptors, and in others.
        private var waiting = 0
        private var elsewhere = 0
        private var latest: (runs: Int64, isWaiting: Bool)?

        /// Sleeps that are remembered; later ones count more than those before.
        private static let sleepsMost = 64
        /// Fewer waits than this, and the thread may as well be waiting for one thing only.
        private static let waitsLeast = 2
        /// Fewer sleeps elsewhere than this refute nothing: a loop may block now and then.
        private static let refutingLeast = 4

        mutating func add(_ sample: Sample) {
            guard sample.isAsleep else { return }
            let isWaiting = sample.wait != nil
            defer { latest = sample.runs.map { ($0, isWaiting) } }
            if let latest, latest.runs == sample.runs, latest.isWaiting == isWaiting { return }
            if isWaiting { waiting += 1 } else { elsewhere += 1 }
            if waiting + elsewhere >= Self.sleepsMost { (waiting, elsewhere) = (waiting / 2, elsewhere / 2) }
        }

        /// Whether two thirds of its sleeps at least were waits: of few, half may be chance.
        var areMostlyWaits: Bool { waiting >= Self.waitsLeast && elsewhere * 2 <= waiting }

        /// Whether most of its sleeps were certainly none.
        var areMostlyOthers: Bool { elsewhere >= Self.refutingLeast && elsewhere > waiting }
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
        if sample.isMain { seen.sleeps.add(sample) }
        if let wait = sample.wait, sample.isEpoll || sample.isMain,
            seen.waits[wait] != nil || seen.waits.count < Limits.remoteWaits
        {
            seen.waits[wait, default: 0] += 1
            if sample.isEpoll {
                seen.epollWaits.insert(wait)
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
                count >= waitsLeast, (waiters[wait.descriptor]?.count ?? 1) <= 1,
                seen.epollWaits.contains(wait) || seen.sleeps.areMostlyWaits
            else { return nil }
            return (Loop(thread: thread, comm: seen.comm, wait: wait, isMain: seen.isMain), count)
        }
        let timer = delayedTaskThread
        return found.filter { $0.0.thread != timer }.sorted { left, right in
            if left.0.isMain != right.0.isMain { return left.0.isMain }
            return (right.1, left.0.thread) < (left.1, right.0.thread)
        }.map(\.0)
    }

    /// Whether a thread that was taken for a loop turned out to be none: it waits by a call that other threads use as well, and
    /// most of its sleeps are elsewhere.
    public func isRefuted(_ thread: Int32, wait: WaitCall) -> Bool {
        guard let seen = threads[thread] else { return false }
        return !seen.epollWaits.contains(wait) && seen.sleeps.areMostlyOthers
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
