// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

public import Loopwatch
import NIOPosix

/// A `NIOThreadPool` every work item of which is counted and timed: all that it takes to meter one.
public final class MeteredThreadPool: Sendable {
    private let pool: NIOThreadPool
    private let meter: PoolMeter

    /// Starts the threads, and has them watched.
    public init(_ name: String, threads: Int, watch: Loopwatch) {
        pool = NIOThreadPool(numberOfThreads: threads)
        meter = watch.meter(name, size: threads)
        pool.start()
    }

    /// Runs a work item on one of the threads; not at all once the pool is shut down.
    public func submit(_ work: @escaping @Sendable () -> Void) {
        let ticket = meter.enqueued()
        pool.submit { state in
            if case .active = state { self.meter.run(ticket, work) } else { self.meter.dropped(ticket) }
        }
    }

    /// Runs a body on one of the threads, and waits for it.
    ///
    /// - Throws: what the body throws, or what NIO says of a pool that is shut down.
    public func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        let ticket = meter.enqueued()
        return try await pool.runIfActive { try self.meter.run(ticket, body) }
    }

    /// Ends the threads once they have run what waits.
    ///
    /// - Throws: what NIO says of a pool that does not end.
    public func shutDown() async throws { try await pool.shutdownGracefully() }
}
