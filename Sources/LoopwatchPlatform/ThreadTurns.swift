// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// How soon a thread of Loopwatch's gets a CPU where loops that compute hold all of them, and for how long at a time.
///
/// A thread that wakes where another one computes gets the CPU only if what it asked for ends sooner than the other's turn does
/// (EEVDF, sched(7)), and once it has had that, it loses the CPU again; else it waits for the scheduler's next tick, up to 4 ms.
/// Niceness divides what it asked for by its weight: 87 with the least.
///
/// Half a millisecond of work beside a thread that computes on the same CPU took more than 1.5 ms for 219 wake-ups in 1,000 with
/// niceness 0, for 30 with -10, both with slices of 0.1 ms, for 15 with -20 and that, and for 2 with -20 and 0.5 ms. A thread
/// with a slice that is no longer than its own it does not interrupt, whatever the niceness.
package enum ThreadTurns: Sendable {
    /// Of threads that answer somebody.
    case short
    /// Of the thread that answers people while the host is stuck, which does not compute for long either.
    case answering
    /// Of threads that compute for reports, which others go on with: those interrupt it.
    case long
    /// Of threads that reports wait for, which never compute for long.
    case prompt

    private static let shortNanoseconds: Int64 = 250_000
    /// More than those of the prompt ones, which interrupt it.
    private static let longNanoseconds: Int64 = 600_000
    /// What it takes to look and decide, as a rule.
    private static let promptNanoseconds: Int64 = 300_000
    /// Where the process may have the niceness: enough for reading stacks as well.
    private static let niceNanoseconds: Int64 = 500_000
    private static let niceness: CInt = -20
    /// Less than what reports wait for, which interrupts it.
    private static let answeringNiceness: CInt = -10

    /// Asks for them for the calling thread.
    ///
    /// Where they are refused, it only has to wait for longer on a busy machine.
    func request() {
        switch self {
        case .short: lw_request_turns(Self.shortNanoseconds, 0)
        case .answering:
            guard lw_request_turns(Self.longNanoseconds, Self.answeringNiceness) != 0 else { return }
            lw_request_turns(Self.shortNanoseconds, 0)
        case .long: lw_request_turns(Self.longNanoseconds, 0)
        case .prompt:
            guard lw_request_turns(Self.niceNanoseconds, Self.niceness) != 0 else { return }
            lw_request_turns(Self.promptNanoseconds, 0)
        }
    }
}
