// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How many reports may be prepared: a server the jobs of which are often just short of the threshold must not be captured
/// all the time.
///
/// A value: time is an argument. Belongs to one thread.
public struct PreparationBudget: Sendable {
    private var savedNanoseconds: Int64
    private var last: MonotonicInstant

    /// Time that one preparation costs of the budget, in nanoseconds.
    private static let costNanoseconds = 1_000_000_000 / Int64(Limits.preparationsPerSecond)
    /// What is saved at most: that of one second, so that many loops that block at once are all prepared for.
    private static let savedNanosecondsMost = costNanoseconds * Int64(Limits.preparationsPerSecond)

    /// Creates a budget that is full.
    public init(now: MonotonicInstant) {
        savedNanoseconds = Self.savedNanosecondsMost
        last = now
    }

    /// Takes one preparation out of the budget; returns false if there is none left.
    public mutating func admit(now: MonotonicInstant) -> Bool {
        savedNanoseconds = min(Self.savedNanosecondsMost, savedNanoseconds + max(0, now.nanoseconds(since: last)))
        last = max(last, now)
        guard savedNanoseconds >= Self.costNanoseconds else { return false }
        savedNanoseconds -= Self.costNanoseconds
        return true
    }
}
