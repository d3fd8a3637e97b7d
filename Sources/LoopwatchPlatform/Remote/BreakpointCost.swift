// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Synchronization

/// What breakpoints at a wait cost the thread that waits, on this machine.
///
/// Tried out on a thread of its own that sleeps as a server does which is asked some hundred times a second: processors that
/// were idle for milliseconds take twice as long for it, and the breakpoints are taken out of each thread that leaves its
/// processor, and put back. On a virtual machine it is some ten times what it is on a real one.
package enum BreakpointCost {
    /// Calls with and without breakpoints in one comparison.
    private static let calls = 8
    /// Comparisons, of which the median counts.
    private static let comparisons = 11
    /// For how long each call sleeps, in nanoseconds.
    private static let sleepNanoseconds: Int64 = 4_000_000
    /// By how much it is more in a server, of which more falls out of the caches: 1.2 to 2 times of what was measured here,
    /// with five servers at 100 to 300 requests a second (`overhead.py --rungs breakpoints --rate 100`).
    private static let serverFactor = 2.0

    private static let result = Atomic<Int64>(unknown)
    private static let unknown: Int64 = -1

    private static let begun: Void = {
        // Without a thread it stays unknown.
        let thread = try? OwnThread(name: "lw-cost") {
            if let cost = measured() { result.store(Int64(Double(cost) * serverFactor), ordering: .relaxed) }
        }
        thread?.detach()
    }()

    /// Begins to measure it, once.
    ///
    /// It takes less than a second, and a thread of its own for that time. For any thread.
    package static func measure() { begun }

    /// CPU time of one wait's entry and return, in nanoseconds; `nil` if that is not known.
    ///
    /// It is not as long as it is measured, and where the kernel does not allow breakpoints. For any thread.
    package static var nanoseconds: Int64? {
        let nanoseconds = result.load(ordering: .relaxed)
        return nanoseconds == unknown ? nil : nanoseconds
    }

    /// Measures it now, on this thread, as it is for the trial.
    static func measured() -> Int64? {
        let place = lw_perf_trial_return()
        guard place != 0,
            let edges = try? PerfEdges(thread: OwnThread.currentIdentifier, means: .breakpoints(programCounter: place))
        else { return nil }
        var costs: [Int64] = []
        for _ in 0..<comparisons {
            guard let plain = sleeps(), edges.enable(true), let timed = sleeps(), edges.enable(false) else {
                return nil
            }
            // Unless each was recorded, it is not known what was measured.
            guard edges.drain().count == 2 * calls else { continue }
            costs.append((timed - plain) / Int64(calls))
        }
        return costs.isEmpty ? nil : max(0, costs.sorted()[costs.count / 2])
    }

    /// CPU time of all calls of one side of a comparison, in nanoseconds.
    private static func sleeps() -> Int64? {
        guard let began = Clock.ownCPUNanoseconds() else { return nil }
        for _ in 0..<calls { lw_perf_trial_sleep(sleepNanoseconds) }
        return Clock.ownCPUNanoseconds().map { $0 - began }
    }
}
