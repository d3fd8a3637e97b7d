// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Lanes that are exposed together.
public enum JobGroup: Int, Sendable, CaseIterable {
    /// The global executor.
    case pool
    /// The main actor.
    case main
    /// Dispatch queues that are executors.
    case queue

    /// Its lanes.
    public var lanes: [JobLane] {
        switch self {
        case .pool: JobLane.ofPool
        case .main: [.main]
        case .queue: [.queue]
        }
    }
}

/// What accounting has counted, as a scrape wants it; counters only grow.
public struct JobCountersReading: Sendable, Equatable {
    /// One lane.
    public struct Lane: Sendable, Equatable {
        /// Jobs that were handed over, and those of them that have begun.
        public var enqueued: UInt64
        /// Jobs of those that have begun.
        public var started: UInt64
        /// How long they waited, in nanoseconds.
        public var waitNanoseconds: Int64
        /// The same with the time for which those that wait have waited: its growth is the average depth.
        public var queuedNanoseconds: Int64
        /// Jobs that have ended or suspended, also those that were not seen to be handed over.
        public var ended: UInt64
        /// How long jobs ran that have ended or suspended, in nanoseconds.
        public var runNanoseconds: Int64
        /// The same with the time for which those that run have run.
        public var busyNanoseconds: Int64
        /// Jobs that run now.
        public var running: Int
        /// The most jobs that were seen to wait.
        public var depthMaximum: Int

        /// Creates a lane's counters.
        public init(
            enqueued: UInt64 = 0,
            started: UInt64 = 0,
            waitNanoseconds: Int64 = 0,
            queuedNanoseconds: Int64 = 0,
            ended: UInt64 = 0,
            runNanoseconds: Int64 = 0,
            busyNanoseconds: Int64 = 0,
            running: Int = 0,
            depthMaximum: Int = 0
        ) {
            self.enqueued = enqueued
            self.started = started
            self.waitNanoseconds = waitNanoseconds
            self.queuedNanoseconds = queuedNanoseconds
            self.ended = ended
            self.runNanoseconds = runNanoseconds
            self.busyNanoseconds = busyNanoseconds
            self.running = running
            self.depthMaximum = depthMaximum
        }

        /// Jobs that wait.
        public var waiting: Int { enqueued > started ? Int(clamping: enqueued - started) : 0 }
    }

    /// The lanes, in the order of ``JobLane``.
    public var lanes: [Lane]
    /// How long jobs waited, by ``JobGroup``.
    public var waits: [Histogram]
    /// How long jobs ran, by ``JobGroup``.
    public var runs: [Histogram]
    /// Jobs that have begun, by ``JobKind``.
    public var kinds: [UInt64]
    /// Jobs that ran though they were not seen to be enqueued: timers, and what waited when accounting began.
    public var unstamped: UInt64
    /// Times at which a thread had no slot for its job.
    public var untracked: UInt64

    /// Creates a reading.
    public init(
        lanes: [Lane],
        waits: [Histogram],
        runs: [Histogram],
        kinds: [UInt64],
        unstamped: UInt64 = 0,
        untracked: UInt64 = 0
    ) {
        self.lanes = lanes
        self.waits = waits
        self.runs = runs
        self.kinds = kinds
        self.unstamped = unstamped
        self.untracked = untracked
    }

    /// Sums a value over the lanes of a group.
    public func sum<Number: AdditiveArithmetic>(_ group: JobGroup, _ value: (Lane) -> Number) -> Number {
        group.lanes.reduce(.zero) { $0 + value(lanes[$1.rawValue]) }
    }
}
