// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides whether a loop waits so often that breakpoints on each wait would cost it too much.
///
/// A pair of breakpoints costs some 22 us in a virtual machine: 400 iterations a second are 1 % of a CPU. What is not spent
/// is saved up for a while, because servers work in bursts, and blocks come right after those.
public struct EdgeBudget: Sendable {
    /// Iterations in one second that are paid for, in the long run.
    public static let iterationsPerSecond = 400
    /// Iterations that may be paid for at once: what is saved up in five seconds.
    public static let iterationsSavedMost = 2_000

    private static let windowNanoseconds: Int64 = 1_000_000_000
    private static let pauseNanosecondsLeast: Int64 = 5_000_000_000
    private static let pauseNanosecondsMost: Int64 = 80_000_000_000

    private var windowBegan: MonotonicInstant
    private var saved = Double(Self.iterationsSavedMost)
    private var lastSpent: MonotonicInstant
    private var runs: Int64 = 0
    private var runsBefore: Int64?
    private var pauseNanoseconds = Self.pauseNanosecondsLeast
    private var overSince: MonotonicInstant?

    /// Creates a budget of which nothing is spent.
    public init(now: MonotonicInstant) {
        windowBegan = now
        lastSpent = now
    }

    /// Iterations were paid for; returns whether it was too much.
    public mutating func isExceeded(byIterations iterations: Int, at instant: MonotonicInstant) -> Bool {
        let gained = Double(max(0, instant.nanoseconds(since: lastSpent))) * Double(Self.iterationsPerSecond) / 1e9
        lastSpent = max(lastSpent, instant)
        saved = min(Double(Self.iterationsSavedMost), saved + gained) - Double(iterations)
        guard saved < 0 else { return false }
        overSince = instant
        windowBegan = instant
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
        saved = Double(Self.iterationsSavedMost)
        lastSpent = instant
        return true
    }
}
