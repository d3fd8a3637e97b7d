// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides whether a loop waits so often that breakpoints on each wait would cost it too much.
///
/// A pair of breakpoints costs some 22 us in a virtual machine: 400 iterations a second are 1 % of a CPU.
public struct EdgeBudget: Sendable {
    /// Iterations in one second that are paid for.
    public static let iterationsPerSecond = 400

    private static let windowNanoseconds: Int64 = 1_000_000_000
    private static let pauseNanosecondsLeast: Int64 = 5_000_000_000
    private static let pauseNanosecondsMost: Int64 = 80_000_000_000

    private var windowBegan: MonotonicInstant
    private var spent = 0
    private var runs: Int64 = 0
    private var runsBefore: Int64?
    private var pauseNanoseconds = Self.pauseNanosecondsLeast
    private var overSince: MonotonicInstant?

    /// Creates a budget of which nothing is spent.
    public init(now: MonotonicInstant) { windowBegan = now }

    /// Iterations were paid for; returns whether it was too much.
    public mutating func isExceeded(byIterations iterations: Int, at instant: MonotonicInstant) -> Bool {
        if instant.nanoseconds(since: windowBegan) >= Self.windowNanoseconds {
            windowBegan = instant
            spent = 0
        }
        spent += iterations
        guard spent > Self.iterationsPerSecond else { return false }
        overSince = instant
        windowBegan = instant
        spent = 0
        runs = 0
        runsBefore = nil
        return true
    }

    /// The thread was put on a CPU so often since the look before, with breakpoints off; returns whether they may be tried
    /// again.
    ///
    /// A loop that never sleeps is put on a CPU seldom, however often it waits: so they are tried ever less often.
    public mutating func mayTryAgain(runs: Int64, at instant: MonotonicInstant) -> Bool {
        guard let overSince else { return true }
        if instant.nanoseconds(since: windowBegan) >= Self.windowNanoseconds {
            windowBegan = instant
            runsBefore = self.runs
            self.runs = 0
        }
        self.runs += runs
        guard instant.nanoseconds(since: overSince) >= pauseNanoseconds, let runsBefore,
            max(runsBefore, self.runs) * 2 < Int64(Self.iterationsPerSecond)
        else { return false }
        pauseNanoseconds = min(pauseNanoseconds * 2, Self.pauseNanosecondsMost)
        self.overSince = nil
        windowBegan = instant
        spent = 0
        return true
    }
}
