// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides when a pool of threads of another process is saturated: all the threads that it can have are busy.
///
/// How much work waits is seldom to be seen from outside; that all are busy for long says that some may.
public struct RemotePoolDetector: Sendable {
    /// What one look at the threads told.
    public struct Reading: Sendable, Equatable {
        /// When.
        public var instant: MonotonicInstant
        /// Threads of the pool.
        public var threads: Int
        /// Those that are not idle.
        public var busy: Int
        /// How much work waits for one, where that can be read.
        public var waiting: Int?

        /// Creates a reading.
        public init(instant: MonotonicInstant, threads: Int, busy: Int, waiting: Int? = nil) {
            self.instant = instant
            self.threads = threads
            self.busy = busy
            self.waiting = waiting
        }
    }

    private struct Saturation: Sendable {
        var number: UInt64 = 0
        var began: MonotonicInstant
        var earliest: MonotonicInstant
        var latest: MonotonicInstant
        var isReported = false
        var nextReportNanoseconds: Int64
        /// The most work that waited.
        var waiting: Int?
    }

    /// For how long all threads have to be busy at the most, before it is told, in nanoseconds.
    public static let saturationNanosecondsMost: Int64 = 1_000_000_000
    /// Time between looks at the threads of a pool, in nanoseconds.
    public static let lookNanoseconds: Int64 = 200_000_000
    /// The same while all are busy: so many looks that find them so are no accident.
    public static let closeLookNanoseconds: Int64 = 50_000_000
    /// Looks that have to find all threads busy before it is told.
    private static let looksLeast: Int64 = 8

    /// How the pool is watched.
    public let policy: DetectionPolicy
    /// Which pool it is.
    public let kind: PoolKind
    /// What has been counted.
    public private(set) var statistics = StallStatistics()
    /// The latest reading.
    public private(set) var latest: Reading?
    /// How many threads it has when it is full; `nil` as long as it may start another.
    public private(set) var size: Int?

    private let saturationNanoseconds: Int64
    private var saturation: Saturation?
    private var lastIdle: MonotonicInstant
    private var episodes: UInt64 = 0
    private var latestBegan: MonotonicInstant?

    /// Creates a detector for a pool that is found now.
    public init(policy: DetectionPolicy, kind: PoolKind, now: MonotonicInstant) {
        self.policy = policy
        self.kind = kind
        lastIdle = now
        saturationNanoseconds = min(
            Self.saturationNanosecondsMost,
            max(policy.thresholdNanoseconds, Self.closeLookNanoseconds * Self.looksLeast)
        )
        statistics.thresholdsNanoseconds = [
            policy.thresholds.warning.wholeNanoseconds, policy.thresholds.error.wholeNanoseconds,
            policy.thresholds.critical.wholeNanoseconds,
        ]
    }

    /// Takes in a reading; returns what is to be reported.
    public mutating func read(_ reading: Reading) -> [ReportDraft] {
        latest = reading
        size = kind.fullSize(threads: reading.threads, waiting: reading.waiting)
        guard let size, reading.busy >= min(size, reading.threads) else {
            defer { lastIdle = reading.instant }
            return end(at: reading.instant)
        }
        var current =
            saturation
            ?? Saturation(
                began: reading.instant,
                earliest: lastIdle,
                latest: reading.instant,
                nextReportNanoseconds: saturationNanoseconds
            )
        current.latest = reading.instant
        if let waiting = reading.waiting { current.waiting = max(waiting, current.waiting ?? 0) }
        defer { saturation = current }
        let duration = reading.instant.nanoseconds(since: current.began)
        guard duration >= current.nextReportNanoseconds else { return [] }
        let state: StallReport.State = current.isReported ? .ongoing : .begun
        if !current.isReported {
            episodes += 1
            current.number = episodes
            current.isReported = true
            latestBegan = current.began
        }
        while current.nextReportNanoseconds <= duration { current.nextReportNanoseconds *= 2 }
        var told = draft(current, state: state, upTo: reading.instant)
        told.depth = reading.waiting
        return [told]
    }

    /// Tells that what was reported last is not so: the busy threads are at something else.
    ///
    /// - Parameter wasTold: whether it had been so before, and was told.
    /// - Returns: the report of its end, if it was.
    public mutating func withdraw(wasTold: Bool, at instant: MonotonicInstant) -> [ReportDraft] {
        guard wasTold else {
            saturation = nil
            return []
        }
        return end(at: instant)
    }

    /// The pool or its process is gone.
    public mutating func gone(at instant: MonotonicInstant) -> [ReportDraft] { end(at: instant) }

    /// For how long all threads have been busy, in nanoseconds, as the readings tell.
    public var saturatedNanoseconds: Int64 {
        saturation.map { $0.latest.nanoseconds(since: $0.began) } ?? 0
    }

    /// Whether a saturation is told and goes on.
    public var isSaturated: Bool { saturation?.isReported ?? false }

    /// When the threads have to be looked at next.
    public func nextLook() -> MonotonicInstant? {
        latest?.instant.advanced(byNanoseconds: saturation == nil ? Self.lookNanoseconds : Self.closeLookNanoseconds)
    }

    private mutating func end(at instant: MonotonicInstant) -> [ReportDraft] {
        guard let current = saturation else { return [] }
        saturation = nil
        guard current.isReported else { return [] }
        let draft = draft(current, state: .ended, upTo: instant)
        statistics.count(draft)
        return [draft]
    }

    private func draft(_ current: Saturation, state: StallReport.State, upTo instant: MonotonicInstant) -> ReportDraft {
        let duration = current.latest.nanoseconds(since: current.began)
        return ReportDraft(
            state: state,
            kind: .stall,
            episode: current.number,
            began: current.began,
            until: current.latest,
            durationNanoseconds: duration,
            interruptedNanoseconds: 0,
            severity: policy.thresholds.severity(ofNanoseconds: duration) ?? .warning,
            cause: .starvation,
            depth: current.waiting,
            evidence: .bounded,
            durationUpperNanoseconds: instant.nanoseconds(since: current.earliest)
        )
    }

    /// The counters, with what is going on at the given instant.
    ///
    /// - Parameters:
    ///   - instant: now.
    ///   - unixNanoseconds: the same instant as wall time.
    public func statistics(at instant: MonotonicInstant, unixNanoseconds: Int64) -> StallStatistics {
        var result = statistics
        if let latestBegan {
            result.latestStallBeganUnixNanoseconds = unixNanoseconds - instant.nanoseconds(since: latestBegan)
        }
        result.heartbeatAgeNanoseconds = max(0, instant.nanoseconds(since: lastIdle))
        if let saturation, saturation.isReported {
            result.currentStallNanoseconds = saturatedNanoseconds
            result.certainStallNanoseconds = saturatedNanoseconds
        }
        return result
    }

    /// The end of a saturation was written as a warning: people are led to it from the histogram.
    public mutating func stallReported(_ draft: ReportDraft, as report: StallReport) {
        statistics.stallDuration.attach(
            Histogram.Exemplar(
                warning: report.sequence,
                nanoseconds: draft.durationNanoseconds,
                unixNanoseconds: report.unixNanoseconds
            )
        )
    }
}
