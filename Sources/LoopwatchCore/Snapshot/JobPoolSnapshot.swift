// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What accounting tells of Swift's global executor, or a meter of another pool, beyond what is told of any pool.
public struct JobPoolSnapshot: Sendable, Equatable {
    /// How it is accounted, and why not better.
    public var accounting: PoolAccountingStatus
    /// The counters; `nil` where nothing is accounted.
    public var counters: JobCountersReading?
    /// Jobs that held a thread for longer than the threshold.
    public var holds: StallStatistics
    /// Threads that are held for longer than the threshold now.
    public var held: Int
    /// The most jobs that waited at once, of all priorities together.
    public var depthMaximum: Int
    /// Long jobs that ended and were forgotten before the watchdog read of them.
    public var lost: UInt64
    /// Whether it is Swift's pool, and not one that the host has metered.
    public var isOfSwift: Bool

    /// The counters where every run is accounted; `nil` where at most enqueues are.
    public var runs: JobCountersReading? { accounting.mode == .exact || accounting.mode == .runs ? counters : nil }

    /// Jobs of a priority as far as they are known: those that have begun, and where only enqueues are counted, those that
    /// were handed over.
    public func jobs(_ lane: JobLane) -> UInt64? {
        guard let counted = counters?.lanes[lane.rawValue] else { return nil }
        switch accounting.mode {
        case .exact, .off: return counted.started
        // Most were not seen to be handed over. Those that run are left out: the two are not read in one moment.
        case .runs: return counted.ended
        case .enqueues: return counted.enqueued
        }
    }

    /// Creates a picture.
    public init(
        accounting: PoolAccountingStatus,
        counters: JobCountersReading? = nil,
        holds: StallStatistics = StallStatistics(),
        held: Int = 0,
        depthMaximum: Int = 0,
        lost: UInt64 = 0,
        isOfSwift: Bool = true
    ) {
        self.accounting = accounting
        self.counters = counters
        self.holds = holds
        self.held = held
        self.depthMaximum = depthMaximum
        self.lost = lost
        self.isOfSwift = isOfSwift
    }
}
