// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A point on the machine's monotonic clock (Linux: `CLOCK_MONOTONIC`), in nanoseconds.
///
/// Every decision in this module takes its time as an argument of this type; only the platform layer reads a clock.
public struct MonotonicInstant: Sendable, Hashable, Comparable {
    /// Nanoseconds since the clock's own, unspecified, start.
    public var nanoseconds: Int64

    /// Creates an instant from the clock's reading in nanoseconds.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The instant that lies the given number of nanoseconds later.
    public func advanced(byNanoseconds distance: Int64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: nanoseconds + distance)
    }

    /// Nanoseconds from an earlier instant to this one; negative if `other` is later.
    public func nanoseconds(since other: MonotonicInstant) -> Int64 {
        nanoseconds - other.nanoseconds
    }

    /// Orders instants by time.
    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
