// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The history of all targets: what the status shows of the last minutes.
///
/// A target that is gone is forgotten at the next record, so there are never more than may be registered.
public struct WatchHistory: Sendable {
    /// What tells targets apart.
    public struct Key: Hashable, Sendable {
        /// Loop or pool.
        public var subject: StallReport.Subject
        /// The process, where that is another one.
        public var process: RemoteProcessName?
        /// The target's name.
        public var name: String

        /// Creates a key.
        public init(subject: StallReport.Subject, process: RemoteProcessName?, name: String) {
            self.subject = subject
            self.process = process
            self.name = name
        }

        /// The key of a loop.
        public init(_ loop: LoopSnapshot) {
            self.init(subject: .loop, process: loop.remote?.process, name: loop.name)
        }

        /// The key of a pool.
        public init(_ pool: PoolSnapshot) {
            self.init(subject: .pool, process: pool.remote?.process, name: pool.name)
        }
    }

    private var targets: [Key: LagHistory] = [:]
    private let first: Int64
    /// Number of the interval recorded last; `nil` before the first.
    public private(set) var latest: Int64?

    /// Creates a history that begins at an instant.
    public init(now: MonotonicInstant) {
        first = LagPeaks.interval(of: now)
    }

    /// Targets that are remembered.
    public var count: Int { targets.count }

    /// Whether an interval is over that has not been recorded.
    public func isDue(at now: MonotonicInstant) -> Bool {
        LagPeaks.interval(of: now) > (latest ?? first - 1) + 1
    }

    /// Records the interval that ended last, and forgets targets that are gone.
    ///
    /// - Parameters:
    ///   - loops: the loops now.
    ///   - pools: the pools now.
    ///   - now: the instant of these.
    public mutating func record(loops: [LoopSnapshot], pools: [PoolSnapshot], at now: MonotonicInstant) {
        let interval = LagPeaks.interval(of: now) - 1
        guard interval > latest ?? first - 1 else { return }
        var kept: [Key: LagHistory] = [:]
        kept.reserveCapacity(loops.count + pools.count)
        let current = loops.map { (Key($0), $0.statistics) } + pools.map { (Key($0), $0.statistics) }
        for (key, statistics) in current {
            var history = targets.removeValue(forKey: key) ?? LagHistory(firstInterval: interval)
            history.record(statistics, interval: interval)
            kept[key] = history
        }
        targets = kept
        latest = interval
    }

    /// The history of a target; an empty one if it has none yet.
    public func history(of key: Key, at now: MonotonicInstant) -> LagHistory {
        targets[key] ?? LagHistory(firstInterval: LagPeaks.interval(of: now))
    }
}
