// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What accounting told at one look.
public struct JobReading: Sendable {
    /// One lane's counters, since accounting was installed.
    public struct Lane: Sendable, Equatable {
        /// Jobs that were handed over.
        public var enqueued: UInt64
        /// Jobs of those that have begun to run.
        public var started: UInt64
        /// When the latest job began to run.
        public var lastStart: MonotonicInstant?
        /// The same on the clock of accounting: two readings of one instant may differ by some nanoseconds, this does not.
        public var lastStartTicks: UInt64
        /// When the first job since the reading before was handed over, where that is known.
        public var firstEnqueued: MonotonicInstant?

        /// Creates a lane's counters.
        public init(
            enqueued: UInt64 = 0,
            started: UInt64 = 0,
            lastStart: MonotonicInstant? = nil,
            lastStartTicks: UInt64? = nil,
            firstEnqueued: MonotonicInstant? = nil
        ) {
            self.enqueued = enqueued
            self.started = started
            self.lastStart = lastStart
            self.lastStartTicks = lastStartTicks ?? UInt64(clamping: lastStart?.nanoseconds ?? 0)
            self.firstEnqueued = firstEnqueued
        }

        /// Jobs that wait.
        public var waiting: Int { enqueued > started ? Int(clamping: enqueued - started) : 0 }
    }

    /// A long job that has ended since the reading before.
    public struct Ended: Sendable {
        /// The job.
        public var job: Job
        /// When it ended, or suspended.
        public var ended: MonotonicInstant

        /// Creates an ended job.
        public init(job: Job, ended: MonotonicInstant) {
            self.job = job
            self.ended = ended
        }
    }

    /// When it was read.
    public var instant: MonotonicInstant
    /// The lanes, in the order of ``JobLane``.
    public var lanes: [Lane]
    /// The jobs that run.
    public var running: [Job]
    /// The long jobs that have ended since the reading before.
    public var ended: [Ended]
    /// Time for which all threads of the process together have waited for a CPU, in nanoseconds, where that was asked for
    /// (``JobPoolDetector/wantsRunDelay(_:)``).
    public var runDelayNanoseconds: Int64?

    /// Creates a reading.
    public init(instant: MonotonicInstant, lanes: [Lane], running: [Job], ended: [Ended]) {
        self.instant = instant
        self.lanes = lanes
        self.running = running
        self.ended = ended
    }
}
