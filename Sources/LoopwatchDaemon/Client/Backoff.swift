// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// After how long a lost connection is tried again: soon at first, then ever more seldom.
struct Backoff: Equatable {
    /// The first wait, in nanoseconds.
    static let firstNanoseconds: Int64 = 250_000_000
    /// The longest wait, in nanoseconds.
    static let longestNanoseconds: Int64 = 5_000_000_000

    private var nextNanoseconds = Backoff.firstNanoseconds

    /// The time to wait now, in nanoseconds.
    mutating func next() -> Int64 {
        defer { nextNanoseconds = min(nextNanoseconds * 2, Self.longestNanoseconds) }
        return nextNanoseconds
    }

    /// Begins anew, once a connection works.
    mutating func reset() { nextNanoseconds = Self.firstNanoseconds }
}
