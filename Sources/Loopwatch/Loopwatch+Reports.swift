// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// For a program that asks the watch what it has found, instead of being told.
extension Loopwatch {
    /// Has everything looked at now, and calls back, on a thread of the watch, once all that came of it has been reported,
    /// with the names of its code.
    ///
    /// Never blocks. It does not call back once the watch has stopped, nor where too much waits to be reported.
    package func flush(_ done: @escaping @Sendable () -> Void) { parts.flush(done) }

    /// The latest reports after a number, oldest first, and the number of the newest ever.
    package func reports(after sequence: UInt64) -> (reports: [StallReport], newest: UInt64) {
        let excerpt = parts.ring.reports(after: sequence, limit: Limits.warningsKept)
        return (excerpt.reports, excerpt.newest)
    }
}
