// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A kind of thread pool that is known by the names of its threads.
public struct PoolKind: Sendable, Hashable {
    /// How many threads the pool has when it can take no more work at once.
    public enum Size: Sendable, Hashable {
        /// All that there are: it starts them all at once.
        case all
        /// One of these numbers: it starts a thread when all others are busy, up to that.
        case oneOf([Int])
        /// As many as there are, as long as work waits for it in a queue that can be read: it starts a thread for what no other
        /// takes, up to a number that is not known.
        case whenWorkWaits
        /// So many at once of the threads that run Swift's jobs, whatever their number: by names alone it is not known which
        /// those are, so that the stacks of those that are busy have to tell.
        case swiftJobs(Int)
        /// Not known: that all threads are busy says nothing, as it may start another.
        case unknown
    }

    /// Name of the pool, as a target.
    public var name: String
    /// When it is full.
    public var size: Size
    /// Whether a worker that waits for a futex with a timeout is idle.
    ///
    /// A worker of Python is not: it waits for the interpreter's lock, and has work.
    public var isTimedWaitIdle: Bool

    /// Creates a kind.
    public init(name: String, size: Size, isTimedWaitIdle: Bool) {
        self.name = name
        self.size = size
        self.isTimedWaitIdle = isTimedWaitIdle
    }

    /// The number of its threads that are all it can have, if there are so many; `nil` if it may start another.
    ///
    /// - Parameters:
    ///   - threads: how many it has.
    ///   - waiting: how much work waits for them, where that can be read.
    public func fullSize(threads: Int, waiting: Int? = nil) -> Int? {
        switch size {
        case .all: threads > 0 ? threads : nil
        case .oneOf(let sizes): sizes.contains(threads) ? threads : nil
        case .whenWorkWaits: (waiting ?? 0) > 0 && threads > 0 ? threads : nil
        case .swiftJobs(let most): threads >= most ? most : nil
        case .unknown: nil
        }
    }
}

/// Tells by its name which pool a thread of another process belongs to.
public struct PoolRecognition: Sendable {
    private let mainComm: String
    private let isPython: Bool
    private let executorSize: Int
    private let processors: Int

    /// Creates a recognition for one process.
    ///
    /// - Parameters:
    ///   - mainComm: name of its main thread.
    ///   - program: path of its program.
    ///   - processors: how many it may run on.
    public init(mainComm: String, program: String, processors: Int) {
        self.mainComm = mainComm
        isPython = program.split(separator: "/").last?.hasPrefix("python") ?? false
        // concurrent.futures.ThreadPoolExecutor: max_workers.
        self.processors = processors
        executorSize = min(32, processors + 4)
    }

    /// Name of the pool of Dispatch's threads, some of which may run Swift's jobs.
    public static let dispatchWorkers = "dispatch-workers"
    /// Name of the pool of those threads of Python of which their names do not tell which they are of.
    public static let pythonWorkers = "python-workers"

    /// One of Python's executors, by its number among those of its process: all that wait for work at one queue.
    public static func pythonExecutor(number: Int) -> PoolKind {
        PoolKind(
            name: "thread-pool-executor" + (number == 1 ? "" : "-\(number)"),
            size: .whenWorkWaits,
            isTimedWaitIdle: false
        )
    }

    /// Tokens of AnyIO's limiter for worker threads, by default: what Starlette and FastAPI run `def` endpoints with.
    private static let anyIOThreads = 40

    /// The pool of a thread; `nil` if it is none that is known.
    public func kind(comm: String, isMain: Bool) -> PoolKind? {
        if isMain { return nil }
        if comm.hasPrefix("libuv-worker") { return PoolKind(name: "libuv-workers", size: .all, isTimedWaitIdle: true) }
        if comm.hasPrefix("SGLTN-TP-#") { return PoolKind(name: "nio-singleton", size: .all, isTimedWaitIdle: true) }
        if comm.hasPrefix("TP-#") { return PoolKind(name: "nio-threads", size: .all, isTimedWaitIdle: true) }
        if comm.hasPrefix("AnyIO worker") {
            return PoolKind(name: "anyio-workers", size: .oneOf([Self.anyIOThreads]), isTimedWaitIdle: false)
        }
        if comm.hasPrefix("asyncio_") {
            return PoolKind(name: "default-executor", size: .oneOf([executorSize]), isTimedWaitIdle: false)
        }
        if comm.hasSuffix("-qos") {
            return PoolKind(name: Self.dispatchWorkers, size: .swiftJobs(processors), isTimedWaitIdle: true)
        }
        if mainComm == "nginx", comm == "nginx" {
            return PoolKind(name: "nginx-threads", size: .all, isTimedWaitIdle: true)
        }
        // Before 3.14 Python does not name its threads: those of AnyIO and of the default executor look the same. As many
        // threads as fill the executor may be AnyIO's, and not all that it can have: that is not told.
        if isPython, comm == mainComm {
            let sizes = [Self.anyIOThreads, Self.anyIOThreads + executorSize]
            return PoolKind(name: Self.pythonWorkers, size: .oneOf(sizes), isTimedWaitIdle: false)
        }
        return nil
    }
}
