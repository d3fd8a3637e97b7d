// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// How long each kind of block lasts, in nanoseconds: always well over the threshold, so that each is reported.
struct BlockLengths: Sendable {
    /// A handler that sleeps.
    let sleep: Int64
    /// A lock that another thread holds.
    let lock: Int64
    /// A large body that is parsed; what the size of the body is chosen for.
    let parse: Int64
    /// A file that is flushed; the least it takes.
    let flush: Int64
    /// All threads of the pool waiting.
    let pool: Int64
    /// Threads of Swift's executor waiting, one or all.
    let executor: Int64

    /// Creates lengths for a threshold.
    init(threshold: Duration) {
        let least = threshold.wholeNanoseconds / 10 * 16
        sleep = max(320_000_000, least)
        lock = max(450_000_000, least)
        parse = max(400_000_000, least)
        flush = max(300_000_000, least)
        pool = max(2_000_000_000, least)
        executor = max(1_500_000_000, least)
    }
}
