// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Turns ticks of the clock of accounting into instants of the monotonic clock.
///
/// The two clocks are read together at each look. Over a second their ratio is known better than from the first measurement,
/// and it follows when the monotonic clock is slewed.
public struct TickClock: Sendable {
    private let firstTicks: UInt64
    private let first: MonotonicInstant
    private var ticks: UInt64
    private var instant: MonotonicInstant
    private var nanosecondsOfTick: Double

    /// From which distance on two readings tell the ratio better than the measurement at the start, in nanoseconds.
    private static let baselineNanoseconds: Int64 = 1_000_000_000

    /// Creates a clock from one reading of both.
    public init(nanosecondsOfTick: Double, ticks: UInt64, instant: MonotonicInstant) {
        self.nanosecondsOfTick = nanosecondsOfTick
        firstTicks = ticks
        first = instant
        self.ticks = ticks
        self.instant = instant
    }

    /// Takes another reading of both.
    public mutating func synchronize(ticks: UInt64, instant: MonotonicInstant) {
        self.ticks = ticks
        self.instant = instant
        let elapsed = instant.nanoseconds(since: first)
        guard elapsed >= Self.baselineNanoseconds, ticks > firstTicks else { return }
        nanosecondsOfTick = Double(elapsed) / Double(ticks - firstTicks)
    }

    /// The instant of a tick, exact close to the latest reading; one beyond the range of instants lies at its end.
    public func instant(ofTicks other: UInt64) -> MonotonicInstant {
        let distance = Int64(bitPattern: other &- ticks)
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(nanoseconds(ofTicks: distance))
        return MonotonicInstant(nanoseconds: overflow ? (distance < 0 ? .min : .max) : sum)
    }

    /// The length of a number of ticks, in nanoseconds.
    public func nanoseconds(ofTicks count: Int64) -> Int64 {
        let value = (Double(count) * nanosecondsOfTick).rounded()
        return value >= 9e18 ? .max : value <= -9e18 ? .min : Int64(value)
    }

    /// The ticks of a length in nanoseconds.
    public func ticks(ofNanoseconds nanoseconds: Int64) -> UInt64 {
        UInt64(max(0, min(1e18, Double(nanoseconds) / nanosecondsOfTick)))
    }
}
