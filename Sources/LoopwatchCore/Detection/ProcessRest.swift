// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Since when no thread of the process but the one that asks has run.
///
/// A value: readings of CPU clocks go in with their time. CPU time of the process less that of the asking thread is that of
/// all others. As the clocks are read one after the other, each reading is a range, no wider than the calls took. As long as
/// one and the same value may lie in all of them, no other thread has run: to wake, do anything and sleep again takes longer
/// than the ranges are wide.
public struct ProcessRest: Sendable {
    /// Clocks between which more time passed tell nothing, in nanoseconds.
    ///
    /// Where reading a clock takes 1 us, a thread that wakes and sleeps again runs for 12 us; both are as much faster on a
    /// faster machine.
    public static let widthNanosecondsMost: Int64 = 6_000
    /// Nor do those between which so many times more passed than between the quickest: the thread was disturbed.
    public static let disturbedFactor: Int64 = 2

    private var since: MonotonicInstant?
    private var others: ClosedRange<Int64> = 0...0
    private var narrowest = widthNanosecondsMost

    /// Creates a proof of nothing.
    public init() {}

    /// Takes in a reading.
    ///
    /// - Parameters:
    ///   - ownBefore: CPU time of the asking thread, in nanoseconds.
    ///   - process: CPU time of the process, read after it.
    ///   - ownAfter: CPU time of the asking thread, read after that.
    ///   - now: an instant just before the first of them.
    /// - Returns: since when no other thread has run, `nil` if that is not known. A thread that runs right now, and has done so
    ///   for less than a tick of the kernel, need not be counted yet.
    public mutating func read(
        ownBefore: Int64,
        process: Int64,
        ownAfter: Int64,
        at now: MonotonicInstant
    ) -> MonotonicInstant? {
        let width = ownAfter - ownBefore
        guard width > 0, width <= min(Self.widthNanosecondsMost, narrowest * Self.disturbedFactor) else {
            since = nil
            return nil
        }
        narrowest = min(narrowest, width)
        let reading = (process - ownAfter)...(process - ownBefore)
        guard let since, others.overlaps(reading) else {
            self.since = now
            others = reading
            return nil
        }
        others = others.clamped(to: reading)
        return since
    }
}
