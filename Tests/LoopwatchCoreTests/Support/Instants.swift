// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension Int64 {
    /// Milliseconds as nanoseconds.
    static func milliseconds(_ count: Double) -> Int64 { Int64((count * 1_000_000).rounded()) }
}

/// An instant, in milliseconds after the clock's start.
func at(_ milliseconds: Double) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: .milliseconds(milliseconds))
}
