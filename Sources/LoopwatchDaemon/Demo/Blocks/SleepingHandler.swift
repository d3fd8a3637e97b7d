// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A handler that waits by sleeping, as one does who "gives the other side a moment".
enum SleepingHandler {
    /// Sleeps on the loop.
    @inline(never)
    static func sleepInHandler(nanoseconds: Int64) {
        var left = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var rest = timespec()
        while nanosleep(&left, &rest) != 0 { left = rest }
    }
}
