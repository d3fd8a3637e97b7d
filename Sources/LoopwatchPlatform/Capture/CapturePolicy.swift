// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What a capture may do to the process that it looks into.
package struct CapturePolicy: Sendable, Equatable {
    /// Whether stacks are captured at all.
    package var isAllowed: Bool
    /// Whether a thread that computes may be interrupted by a signal.
    ///
    /// One that sleeps never is, whatever is set here.
    package var isSignallingAllowed: Bool
    /// The signal to interrupt it by.
    ///
    /// `SIGPROF` is the only one that Dispatch's worker threads let through.
    package var signal: CInt
    /// For how long a capture waits for the signal to be delivered, in nanoseconds.
    package var waitNanosecondsMost: Int64

    /// Creates a policy.
    package init(
        isAllowed: Bool = true,
        isSignallingAllowed: Bool = true,
        signal: CInt = SIGPROF,
        waitNanosecondsMost: Int64 = CapturePolicy.waitNanosecondsDefault
    ) {
        self.isAllowed = isAllowed
        self.isSignallingAllowed = isSignallingAllowed
        self.signal = signal
        self.waitNanosecondsMost = waitNanosecondsMost
    }

    /// Three ticks of the kernel's clock and a little more, but never above 30 ms: the signal is sent in a tick in which
    /// the thread runs, so in the first one unless others share its processor.
    package static let waitNanosecondsDefault: Int64 = {
        var tick = timespec()
        // The coarse clock goes on by one tick at a time (CONFIG_HZ): 1 to 10 ms.
        guard clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0, tick.tv_sec == 0 else { return 13_000_000 }
        return min(30_000_000, 3 * Int64(tick.tv_nsec) + 1_000_000)
    }()
}
