// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

public import Dispatch

/// Pools that the host made, every work item of which is counted and timed.
extension Loopwatch {
    /// Adds a pool, and returns the meter that its work items pass.
    ///
    /// What keeps the pool from being watched is told in the log, as by ``add(_:)``; the meter works in any case.
    ///
    /// - Parameters:
    ///   - name: what to call it.
    ///   - size: how many threads it may have; asked again and again, so it must not block.
    public func meter(_ name: String, size: @autoclosure @escaping @Sendable () -> Int) -> PoolMeter {
        let meter = PoolMeter(name, size: size())
        add(.metered(meter))
        return meter
    }

    /// Adds a pool that tasks prefer, and returns the executor that they are to prefer in its place.
    ///
    /// ```swift
    /// let database = watch.executor("db", wrapping: DatabaseExecutor(), size: 4)
    /// try await withTaskExecutorPreference(database) { try await query() }
    /// ```
    ///
    /// - Parameters:
    ///   - name: what to call it.
    ///   - base: the executor that runs the jobs.
    ///   - size: how many threads it has.
    public func executor(
        _ name: String,
        wrapping base: any TaskExecutor,
        size: @autoclosure @escaping @Sendable () -> Int
    ) -> MeteredTaskExecutor {
        let executor = MeteredTaskExecutor(base, meter(name, size: size()))
        if !MeteredTaskExecutor.isSupported {
            parts.note("the jobs of pool '\(name)' are not counted: the runtime's jobs are of another layout.")
        }
        return executor
    }

    /// Adds a Dispatch queue, and returns what work is to be handed to in its place.
    ///
    /// - Parameters:
    ///   - name: what to call it.
    ///   - queue: the queue.
    ///   - size: how many threads it may have: 1 for a serial queue; a concurrent one has as many as there are processors
    ///     while none of them sleeps.
    public func meteredQueue(
        _ name: String,
        _ queue: DispatchQueue,
        size: @autoclosure @escaping @Sendable () -> Int
    ) -> MeteredQueue {
        MeteredQueue(queue, meter(name, size: size()))
    }
}
