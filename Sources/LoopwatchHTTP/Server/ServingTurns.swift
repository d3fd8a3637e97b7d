// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Lets the server's thread come before the host's, as long as answering takes little.
///
/// Where loops that compute hold all CPUs, an answer of some milliseconds would else be interrupted several times. Requests
/// that come one after the other, by mistake or on purpose, must not take the host's CPU from it.
struct ServingTurns {
    private var turns = PromptTurns(.answering)
    private var policy = PromptPolicy()
    private var checked: MonotonicInstant
    private var cpuNanoseconds = Clock.ownCPUNanoseconds()

    /// Time between two checks, in nanoseconds.
    private static let intervalNanoseconds: Int64 = 1_000_000_000

    /// Asks for the turns, for the calling thread.
    init(at now: MonotonicInstant) { checked = now }

    /// Gives the turns back, or takes them again, by what the thread has used in about a second.
    mutating func check(at now: MonotonicInstant) {
        let elapsed = now.nanoseconds(since: checked)
        guard elapsed >= Self.intervalNanoseconds, let used = Clock.ownCPUNanoseconds() else { return }
        policy.take(cpuNanoseconds: used - (cpuNanoseconds ?? used), elapsedNanoseconds: elapsed)
        turns.hold(policy.isPrompt)
        (checked, cpuNanoseconds) = (now, used)
    }
}
