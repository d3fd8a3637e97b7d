// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides how often breakpoints may be set at a loop's wait: they are to cost it at most 1 % of a CPU.
///
/// What a pair of breakpoints costs differs from machine to machine, some 2 us or, in a virtual machine, 60 to 80: it is
/// measured where it is paid. What is not spent is saved up for a while, because servers work in bursts, and blocks come
/// right after those.
public struct EdgeBudget: Sendable {
    /// The part of a CPU's time that may be spent on breakpoints at each wait, in the long run.
    public static let shareMost = 0.01
    /// The part that may be spent on breakpoints that are armed at the first look that finds the loop away.
    public static let earlyShareMost = 0.003
    /// For how long what is not spent is saved up, in seconds.
    public static let savedSecondsMost = 10.0
    /// What one iteration is taken to cost where that was not measured, in nanoseconds.
    public static let costNanosecondsAssumed: Int64 = 50_000
    /// Least that one iteration is taken to cost, in nanoseconds: where breakpoints are cheap, what is recorded still has to
    /// be read.
    public static let costNanosecondsLeast: Int64 = 5_000
    /// Most that one iteration is taken to cost, in nanoseconds: more was measured in a bad moment.
    public static let costNanosecondsMost: Int64 = 200_000

    private static let windowNanoseconds: Int64 = 1_000_000_000
    private static let pauseNanosecondsLeast: Int64 = 5_000_000_000
    private static let pauseNanosecondsMost: Int64 = 80_000_000_000

    /// What one iteration costs the thread, in nanoseconds of CPU time.
    public private(set) var costNanoseconds = Self.costNanosecondsAssumed

    private var saved: SavedTime
    private var savedForEarly: SavedTime
    private var windowBegan: MonotonicInstant
    private var runs: Int64 = 0
    private var runsBefore: Int64?
    private var pauseNanoseconds = Self.pauseNanosecondsLeast
    private var overSince: MonotonicInstant?

    /// Creates a budget of which nothing is spent.
    public init(now: MonotonicInstant) {
        saved = SavedTime(share: Self.shareMost, seconds: Self.savedSecondsMost, now: now)
        savedForEarly = SavedTime(share: Self.earlyShareMost, seconds: Self.savedSecondsMost, now: now)
        windowBegan = now
    }

    /// Iterations in one second that are paid for, in the long run.
    public var iterationsPerSecond: Int { Int(Self.shareMost * 1e9 / Double(costNanoseconds)) }

    /// Iterations that may be paid for at once: what is saved up.
    public var iterationsSavedMost: Int { Int(Double(iterationsPerSecond) * Self.savedSecondsMost) }

    /// One iteration was measured to cost so many nanoseconds of CPU time; `nil` if that is not known.
    public mutating func price(nanoseconds: Int64?) {
        let cost = max(nanoseconds ?? Self.costNanosecondsAssumed, Self.costNanosecondsLeast)
        costNanoseconds = min(cost, Self.costNanosecondsMost)
    }

    /// Iterations were paid for; returns whether it was too much.
    public mutating func isExceeded(byIterations iterations: Int, at instant: MonotonicInstant) -> Bool {
        saved.gain(until: instant)
        saved.nanoseconds -= Double(iterations) * Double(costNanoseconds)
        guard saved.nanoseconds < 0 else { return false }
        overSince = instant
        windowBegan = instant
        runs = 0
        runsBefore = nil
        return true
    }

    /// With breakpoints off, the thread was put on a CPU so often since the look before.
    public mutating func note(runs: Int64, at instant: MonotonicInstant) {
        if instant.nanoseconds(since: windowBegan) >= Self.windowNanoseconds {
            windowBegan = instant
            runsBefore = self.runs
            self.runs = 0
        }
        self.runs += runs
    }

    /// Whether breakpoints at each wait may be tried again.
    ///
    /// A loop that never sleeps is put on a CPU seldom, however often it waits: so they are tried ever less often.
    public mutating func mayTryAgain(at instant: MonotonicInstant) -> Bool {
        guard let overSince else { return true }
        guard instant.nanoseconds(since: overSince) >= pauseNanoseconds, let latestRuns,
            latestRuns * 2 < Int64(iterationsPerSecond)
        else { return false }
        pauseNanoseconds = min(pauseNanoseconds * 2, Self.pauseNanosecondsMost)
        self.overSince = nil
        windowBegan = instant
        saved = SavedTime(share: Self.shareMost, seconds: Self.savedSecondsMost, now: instant)
        return true
    }

    /// Whether breakpoints are armed at the first look that finds the loop away, rather than once it stays away.
    ///
    /// That proves a block sooner, and is in vain more often: not for loops that wait very often, nor where what was armed
    /// has cost too much already (``noteArmed(iterations:)``).
    public mutating func mayArmEarly(at instant: MonotonicInstant) -> Bool {
        guard let latestRuns, latestRuns < Int64(iterationsPerSecond) * 3 else { return false }
        savedForEarly.gain(until: instant)
        return savedForEarly.nanoseconds > 0
    }

    /// While breakpoints were armed, iterations were paid for.
    public mutating func noteArmed(iterations: Int) {
        savedForEarly.nanoseconds -= Double(iterations) * Double(costNanoseconds)
    }

    /// How often the thread is put on a CPU in a second, of late; `nil` as long as that is not known.
    private var latestRuns: Int64? { runsBefore.map { max($0, runs) } }
}

/// CPU time that may be spent: a share of what passes, saved up for so long.
private struct SavedTime: Sendable {
    let share: Double
    let nanosecondsMost: Double
    var nanoseconds: Double
    private var latest: MonotonicInstant

    init(share: Double, seconds: Double, now: MonotonicInstant) {
        self.share = share
        nanosecondsMost = share * seconds * 1e9
        nanoseconds = nanosecondsMost
        latest = now
    }

    mutating func gain(until instant: MonotonicInstant) {
        let gained = Double(max(0, instant.nanoseconds(since: latest))) * share
        latest = max(latest, instant)
        nanoseconds = min(nanosecondsMost, nanoseconds + gained)
    }
}
