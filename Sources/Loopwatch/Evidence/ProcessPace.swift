// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Whether the process is quiet, so that targets that only beats can tell of are asked less often.
///
/// Not a proof of anything: a quiet process is looked at three quarters of a threshold apart instead of one resolution.
struct ProcessPace: Sendable {
    private var instant: MonotonicInstant?
    private var cpuNanoseconds: Int64?
    private var wasQuiet = false

    /// Whether the process used less than one hundredth of a core since the last call, leaving out what a beat costs; after
    /// a time that is too short to tell, what was true before.
    mutating func isQuiet(_ context: inout LookContext) -> Bool {
        let elapsed = instant.map { context.now.nanoseconds(since: $0) }
        if let elapsed, elapsed < Self.elapsedNanosecondsLeast { return wasQuiet }
        let after = context.hostCPUNanoseconds()
        wasQuiet = false
        if let elapsed, let before = cpuNanoseconds, let after {
            wasQuiet = after - before < elapsed / 100 + Self.beatNanoseconds
        }
        instant = context.now
        cpuNanoseconds = after
        return wasQuiet
    }

    /// Time that tells, in nanoseconds: in a shorter one a busy process may well do less than a beat costs.
    private static let elapsedNanosecondsLeast: Int64 = 5_000_000
    /// What answering a beat costs a sleeping thread, generously, in nanoseconds.
    private static let beatNanoseconds: Int64 = 300_000
}
