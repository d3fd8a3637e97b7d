// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import NIOPosix
import Synchronization

/// A pool of threads that knows how many jobs wait for one, as a host's own pool for blocking work may.
public final class CountingThreadPool: Sendable {
    private let pool: NIOThreadPool
    private let jobsWaiting = Atomic<Int>(0)

    /// Threads of the pool.
    public let size: Int

    /// Starts the threads.
    public init(size: Int) {
        self.size = size
        pool = NIOThreadPool(numberOfThreads: size)
        pool.start()
    }

    /// Jobs of the application that no thread has taken yet.
    public var depth: Int { jobsWaiting.load(ordering: .relaxed) }

    /// Runs a job of the application on one of the threads.
    public func run(_ job: @escaping @Sendable () -> Void) {
        jobsWaiting.add(1, ordering: .relaxed)
        pool.submit { _ in
            self.jobsWaiting.subtract(1, ordering: .relaxed)
            job()
        }
    }

    /// Runs what is not the application's, and so not part of the depth: the watchdog's beats.
    public func runUncounted(_ job: @escaping @Sendable () -> Void) {
        pool.submit { _ in job() }
    }

    /// Ends the threads once they have run what waits.
    ///
    /// - Throws: what NIO says of a pool that does not end.
    public func shutDown() async throws {
        try await pool.shutdownGracefully()
    }
}
