// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Counts and times every work item of a pool that the host made: how many wait and for how long, which thread has been at
/// which since when, whether all threads are held.
///
/// ```swift
/// let meter = PoolMeter("db", size: 4)
/// watch.add(.metered(meter))
/// pool.submit(meter.metered { query() })
/// ```
///
/// What it finds is told as for Swift's pool: `pool db thread held for 312ms`, with the exact beginning and end of the item,
/// and `pool blocked` when all threads are held and items wait. An executor, and a Dispatch queue, are metered by
/// ``Loopwatch/executor(_:wrapping:size:)`` and ``Loopwatch/meteredQueue(_:_:size:)``.
///
/// All functions are safe from any thread; those for work items take no lock and allocate nothing, but for an item that was
/// longer than the threshold. Handing over, beginning and ending take 0.2 us together, and 0.4 us while another thread does
/// nothing but that as well (`meter-benchmark`).
public final class PoolMeter: Sendable {
    /// The name: what warnings and metrics call the pool.
    public let name: String
    let counts: MeterCounts
    private let sizeNow: @Sendable () -> Int

    /// A work item that was handed over and waits for a thread.
    public struct Ticket: Sendable {
        /// When, in nanoseconds of the monotonic clock.
        let enqueuedAt: Int64
    }

    /// A work item that runs.
    public struct Run: Sendable {
        let run: MeterCounts.Run
    }

    /// Makes a meter that has counted nothing.
    ///
    /// - Parameters:
    ///   - name: what to call the pool.
    ///   - size: how many threads it may have, at least 1; asked again and again, on the watchdog's thread, so it must not
    ///     block.
    public init(_ name: String, size: @autoclosure @escaping @Sendable () -> Int) {
        self.name = name
        sizeNow = size
        counts = MeterCounts(threads: max(1, size()))
    }

    /// Threads that the pool may have now.
    var size: Int { max(1, sizeNow()) }

    // MARK: Work items

    /// Notes that a work item is handed over to the pool.
    ///
    /// - Returns: what ``began(_:)`` takes when it runs, or ``dropped(_:)`` if it never will.
    public func enqueued() -> Ticket { Ticket(enqueuedAt: counts.itemEnqueued()) }

    /// Notes that a work item begins, on the calling thread.
    ///
    /// - Returns: what ``ended(_:)`` takes.
    public func began(_ ticket: Ticket) -> Run { began(ticket.enqueuedAt, task: 0, kind: .other) }

    /// Notes that a work item has ended; on the thread on which it began.
    public func ended(_ run: Run) { counts.itemEnded(run.run) }

    /// Notes that a work item will never run, because the pool was shut down for instance.
    public func dropped(_ ticket: Ticket) { counts.itemDropped(enqueuedAt: ticket.enqueuedAt) }

    /// Runs a work item that was handed over.
    ///
    /// - Throws: what the body throws.
    public func run<Value>(_ ticket: Ticket, _ body: () throws -> Value) rethrows -> Value {
        let run = began(ticket)
        defer { ended(run) }
        return try body()
    }

    /// Notes that a work item is handed over, and returns what is to be given to the pool in its place.
    ///
    /// It is to be given once, and to be run once at most. One allocation.
    public func metered(_ work: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let ticket = enqueued()
        return { self.run(ticket, work) }
    }

    /// The same for jobs, of which more is known.
    func began(_ enqueuedAt: Int64, task: UInt64, kind: JobKind) -> Run {
        Run(run: counts.itemBegan(enqueuedAt: enqueuedAt, task: task, kind: kind))
    }
}

extension WatchTarget {
    /// A pool every work item of which is counted and timed.
    public static func metered(_ meter: PoolMeter) -> WatchTarget {
        var target = pool(meter.name, submit: { _ in })
        target.meter = meter
        return target
    }
}
