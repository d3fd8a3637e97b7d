// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How many blocks may be captured in a second: a server that blocks all the time, or is often just short of the threshold,
/// must not be captured all the time.
///
/// A value: time is an argument. Belongs to one thread.
public struct CaptureBudget: Sendable {
    private var savedNanoseconds: Int64
    private var last: MonotonicInstant
    /// Time that one capture costs of the budget, in nanoseconds.
    private let costNanoseconds: Int64
    /// What is saved at most: that of one second, so that many loops that block at once are all captured.
    private let savedNanosecondsMost: Int64

    /// Creates a budget that is full.
    ///
    /// - Parameters:
    ///   - perSecond: how many it has for a second, at least 1; as many are saved at most.
    ///   - now: now.
    public init(perSecond: Int, now: MonotonicInstant) {
        costNanoseconds = 1_000_000_000 / Int64(max(1, perSecond))
        savedNanosecondsMost = costNanoseconds * Int64(max(1, perSecond))
        savedNanoseconds = savedNanosecondsMost
        last = now
    }

    /// Takes one out of the budget; returns false if there is none left.
    public mutating func admit(now: MonotonicInstant) -> Bool {
        savedNanoseconds = min(savedNanosecondsMost, savedNanoseconds + max(0, now.nanoseconds(since: last)))
        last = max(last, now)
        guard savedNanoseconds >= costNanoseconds else { return false }
        savedNanoseconds -= costNanoseconds
        return true
    }
}
