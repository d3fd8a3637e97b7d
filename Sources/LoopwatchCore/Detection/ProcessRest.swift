// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Since when no thread of the process but the one that asks has run.
///
/// A value: readings of CPU clocks go in with their time. CPU time of the process less that of the asking thread is that of
/// all others, and as long as it does not grow, none has run. The two clocks are read one after the other, and so each reading
/// is too high by what that takes, which is about as long as between two readings of the same clock. To wake, do anything and
/// sleep again takes a thread several times longer than that (12 us where a clock takes 1).
///
/// A reading can only be too high: one that shows no more than the reading it is compared with proves that nothing ran, however
/// long it took. One with which others are compared from then on must not have been disturbed. Of a thread that has slept for
/// long the first clock takes five times as long as the next, and says nothing.
public struct ProcessRest: Sendable {
    /// A clock that takes longer is not compared with, in nanoseconds: the thread was disturbed.
    public static let clockNanosecondsMost: Int64 = 3_000
    /// What a reading may be off by, in times that a clock takes.
    public static let clocksTolerated: Int64 = 2

    private var since: MonotonicInstant?
    private var others: Int64 = 0
    private var clock = clockNanosecondsMost

    /// Creates a proof of nothing.
    public init() {}

    /// Takes in a reading for which the clocks were read once.
    ///
    /// - Parameters:
    ///   - own: CPU time of the asking thread, in nanoseconds.
    ///   - process: CPU time of the process, read just after it.
    /// - Returns: since when no other thread has run; `nil` if that is not known by this reading, which then was none.
    public mutating func confirm(own: Int64, process: Int64) -> MonotonicInstant? {
        let reading = process - own
        guard let since, abs(reading - others) <= clock * Self.clocksTolerated else { return nil }
        others = min(others, reading)
        return since
    }

    /// Takes in a reading.
    ///
    /// - Parameters:
    ///   - own: CPU time of the asking thread, read twice, in nanoseconds.
    ///   - process: CPU time of the process, read just after it.
    ///   - now: an instant before all of them.
    ///   - again: reads CPU time of the asking thread once more; called where others are to be compared with this reading.
    /// - Returns: since when no other thread has run, `nil` if that is not known. A thread that runs right now, and has done so
    ///   for less than a tick of the kernel, need not be counted yet.
    public mutating func read(
        own: (first: Int64, second: Int64),
        process: Int64,
        at now: MonotonicInstant,
        again: () -> Int64?
    ) -> MonotonicInstant? {
        let taken = own.second - own.first
        if taken > 0 { clock = min(clock, taken) }
        if let since = confirm(own: own.second, process: process) { return since }
        // One that is lower shows that the one before was disturbed, and may have hidden as much. It begins anew, unless the
        // thread was disturbed between the clock of the process and this one.
        let isDisturbed = again().map { $0 - own.second > 2 * Self.clockNanosecondsMost } ?? true
        since = isDisturbed ? nil : now
        others = process - own.second
        return nil
    }
}
