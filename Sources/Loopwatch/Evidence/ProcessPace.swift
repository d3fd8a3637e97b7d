// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Whether the process is quiet, so that targets that only beats can tell of are asked less often.
///
/// Not a proof of anything: a quiet process is looked at three quarters of a threshold apart instead of one resolution.
struct ProcessPace: Sendable {
    private var instant: MonotonicInstant?
    private var cpuNanoseconds: Int64?

    /// Whether the process used less than one hundredth of a core since the last call, leaving out what a beat costs.
    mutating func isQuiet(_ context: inout LookContext) -> Bool {
        defer {
            instant = context.now
            cpuNanoseconds = context.hostCPUNanoseconds()
        }
        guard let instant, let before = cpuNanoseconds, let after = context.hostCPUNanoseconds() else { return false }
        let elapsed = context.now.nanoseconds(since: instant)
        return after - before < elapsed / 100 + Self.beatNanoseconds
    }

    /// What answering a beat costs a sleeping thread, generously, in nanoseconds.
    private static let beatNanoseconds: Int64 = 300_000
}
