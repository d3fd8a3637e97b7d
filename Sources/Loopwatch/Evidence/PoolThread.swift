// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// A thread of a pool, one that answered a beat: its clocks, and whether it goes on from job to job.
struct PoolThread: Sendable {
    /// The thread.
    private(set) var view: ThreadView
    private var cpuNanoseconds: Int64
    private var delayNanoseconds: Int64?
    /// CPU time that it used since the look before, in nanoseconds.
    private(set) var usedNanoseconds: Int64 = 0
    /// CPU time that it used, and time for which it waited for a CPU, since the look before, in nanoseconds.
    private var readyNanoseconds: Int64 = 0
    /// The same since the pool was last known to have a thread that is free, in nanoseconds.
    private var activeNanoseconds: Int64 = 0
    /// Whether it goes on to another job while a beat waits.
    private var progress = JobProgress()

    /// A thread that gets less of the time than this while it runs is one that sleeps in between.
    private static let computingShareLeast = 0.8

    init(_ identifier: ThreadIdentifier) {
        view = ThreadView(identifier)
        cpuNanoseconds = view.cpuNanoseconds() ?? 0
        delayNanoseconds = view.runDelayNanoseconds()
    }

    /// Reads its clocks; `false` if it has ended.
    mutating func read(hadFree: Bool) -> Bool {
        guard let now = view.cpuNanoseconds() else { return false }
        usedNanoseconds = max(0, now - cpuNanoseconds)
        readyNanoseconds = usedNanoseconds
        cpuNanoseconds = now
        // A thread whose clock has not moved may still wait for a CPU: that is counted once it gets one.
        if usedNanoseconds > 0, let delay = view.runDelayNanoseconds() {
            readyNanoseconds += delayNanoseconds.map { max(0, delay - $0) } ?? 0
            delayNanoseconds = delay
        }
        activeNanoseconds = (hadFree ? 0 : activeNanoseconds) + readyNanoseconds
        return true
    }

    /// Whether no beat that ran on it has noted its frames yet.
    var lacksFrames: Bool { progress.lacksFrames }

    /// A beat was answered.
    ///
    /// - Parameter noted: the frames that it noted, if it ran on this thread.
    mutating func beatAnswered(_ noted: LoopFrames?) {
        progress.take(noted)
        progress.beatAnswered()
    }

    /// Whether it went on to another job since the look before.
    ///
    /// - Parameter isWaiting: whether it is proved to wait for work.
    mutating func hasAdvanced(isWaiting: Bool) -> Bool {
        guard progress.hasAdvanced(isWaiting: isWaiting) else { return false }
        // It began what it is at since then.
        activeNanoseconds = readyNanoseconds
        return true
    }

    /// Since when a thread is in its job: before it slept, or now, for as long as it has computed.
    ///
    /// - Parameters:
    ///   - call: what it is at.
    ///   - now: time of this look.
    ///   - before: time of the look before.
    func takenSince(_ call: ThreadCall?, now: MonotonicInstant, before: MonotonicInstant?) -> MonotonicInstant? {
        if call == .running {
            // It may have begun since the look before, and then was ready since it did; else, all the time.
            let elapsed = before.map { now.nanoseconds(since: $0) } ?? 0
            let isNew = activeNanoseconds == readyNanoseconds
            guard isNew || Double(readyNanoseconds) >= Double(elapsed) * Self.computingShareLeast else { return nil }
            return now.advanced(byNanoseconds: -activeNanoseconds)
        }
        // One that ran since the look before may sleep again and again: its latest sleep is not the beginning.
        guard call?.blockingCall != nil, usedNanoseconds == 0 else { return nil }
        return view.lastRun().flatMap(SchedulerClock.instant)?.advanced(byNanoseconds: -activeNanoseconds)
    }
}
