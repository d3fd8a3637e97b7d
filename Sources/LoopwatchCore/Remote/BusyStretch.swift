// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Tells whether a thread is busy from its clocks and its state alone, where the kernel does not tell what it sleeps in.
///
/// The kernel brings the clock of a thread that runs up to date at its ticks only, up to 10 ms apart: between two looks that
/// may be all. So what counts is what the thread did since the stretch began, and a tick on top.
public struct BusyStretch: Sendable {
    /// Which part of a stretch a thread has to compute, or be ready to.
    public static let share = 0.8
    /// Longest time between two ticks of the kernel (CONFIG_HZ=100), in nanoseconds.
    public static let tickNanoseconds: Int64 = 10_000_000

    private var elapsedNanoseconds: Int64 = 0
    private var activeNanoseconds: Int64 = 0

    /// Creates a stretch that has not begun.
    public init() {}

    /// A look at the thread.
    ///
    /// - Parameters:
    ///   - elapsed: nanoseconds since the look before.
    ///   - active: for how many of them it computed or was ready to, as far as the kernel has counted.
    ///   - isAsleep: whether it sleeps at this moment.
    public mutating func isBusy(elapsed: Int64, active: Int64, isAsleep: Bool) -> Bool {
        elapsedNanoseconds += max(0, elapsed)
        activeNanoseconds += max(0, active)
        let counted = Double(activeNanoseconds + Self.tickNanoseconds)
        guard !isAsleep, counted >= Self.share * Double(elapsedNanoseconds) else {
            self = BusyStretch()
            return false
        }
        return true
    }
}
