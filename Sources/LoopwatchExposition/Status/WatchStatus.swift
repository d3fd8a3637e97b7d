// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Everything that the status tells, in whichever form: a picture of now, the last minutes, and the latest reports.
package struct WatchStatus: Sendable {
    /// The picture.
    package var snapshot: WatchSnapshot
    /// The last minutes.
    package var history: WatchHistory
    /// The reports that are kept, in ascending order.
    package var reports: [StallReport]
    /// The instant of the picture, on the clock of the history.
    package var now: MonotonicInstant

    /// Puts a status together.
    package init(snapshot: WatchSnapshot, history: WatchHistory, reports: [StallReport], now: MonotonicInstant) {
        self.snapshot = snapshot
        self.history = history
        self.reports = reports
        self.now = now
    }

    /// The loops, in the order of registration.
    var loops: [TargetStatus] {
        let blocks = CurrentBlocks(reports)
        return snapshot.loops.map { TargetStatus($0, of: self, blocks) }
    }

    /// The pools, in the order of registration.
    var pools: [TargetStatus] {
        let blocks = CurrentBlocks(reports)
        return snapshot.pools.map { TargetStatus($0, of: self, blocks) }
    }
}
