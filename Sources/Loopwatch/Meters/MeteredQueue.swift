// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

public import Dispatch

/// A Dispatch queue whose work is counted and timed, as far as it is handed over here.
///
/// Made by ``Loopwatch/meteredQueue(_:_:size:)``. A work item costs one more allocation, and about 0.2 us.
public struct MeteredQueue: Sendable {
    /// The queue.
    public let queue: DispatchQueue
    /// What was counted.
    public let meter: PoolMeter

    /// Wraps a queue.
    public init(_ queue: DispatchQueue, _ meter: PoolMeter) {
        self.queue = queue
        self.meter = meter
    }

    /// Hands a work item over.
    public func async(execute work: @escaping @Sendable () -> Void) {
        queue.async(execute: meter.metered(work))
    }

    /// Runs a work item, and waits for it.
    ///
    /// - Throws: what the work throws.
    public func sync<Value>(execute work: () throws -> Value) rethrows -> Value {
        let ticket = meter.enqueued()
        return try queue.sync { try meter.run(ticket, work) }
    }
}
