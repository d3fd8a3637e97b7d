// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The highest lag of this interval of the history and of the one before, exactly: buckets of a histogram would not tell.
///
/// Any number of readers may ask, and none of them takes anything away.
public struct LagPeaks: Sendable, Equatable {
    private var interval = Int64.min
    private var current: Int64 = 0
    private var previous: Int64 = 0

    /// Creates peaks of a target that has not been late yet.
    public init() {}

    /// Number of the interval that an instant belongs to, counted from the clock's own start.
    public static func interval(of instant: MonotonicInstant) -> Int64 {
        instant.nanoseconds / Limits.historyIntervalNanoseconds
    }

    /// The instant at which an interval ends.
    public static func end(ofInterval interval: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: (interval + 1) * Limits.historyIntervalNanoseconds)
    }

    /// Takes a lag, or the length of a block, that was known at an instant; what is older than two intervals is passed over.
    public mutating func observe(nanoseconds: Int64, at instant: MonotonicInstant) {
        let number = Self.interval(of: instant)
        if number > interval {
            previous = number - 1 == interval ? current : 0
            current = 0
            interval = number
        }
        if number == interval {
            current = max(current, nanoseconds)
        } else if number + 1 == interval {
            previous = max(previous, nanoseconds)
        }
    }

    /// The highest lag of an interval in nanoseconds; 0 if there was none, or if it is not kept any more.
    public func nanoseconds(ofInterval number: Int64) -> Int64 {
        number == interval ? current : number + 1 == interval ? previous : 0
    }

    /// Takes over what another part of the same target came to.
    public mutating func add(_ other: LagPeaks) {
        guard other.interval > .min else { return }
        observe(nanoseconds: other.previous, at: Self.start(ofInterval: other.interval - 1))
        observe(nanoseconds: other.current, at: Self.start(ofInterval: other.interval))
    }

    private static func start(ofInterval interval: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: interval * Limits.historyIntervalNanoseconds)
    }
}
