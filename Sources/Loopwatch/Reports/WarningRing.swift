// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The latest warnings, bounded: what `/warnings` shows and its followers read from.
final class WarningRing: Sendable {
    private struct Storage {
        var reports: [StallReport] = []
        var start = 0
        var newest: UInt64 = 0
    }

    /// A part of the ring.
    struct Excerpt {
        /// The reports, oldest first.
        var reports: [StallReport]
        /// Sequence of the oldest report in the ring; 0 when it is empty.
        var oldest: UInt64
        /// Sequence of the newest report ever; 0 before the first.
        var newest: UInt64
    }

    private let storage = Mutex(Storage())

    /// Adds a report; beyond ``Limits/warningsKept`` the oldest is forgotten.
    func append(_ report: StallReport) {
        storage.withLock { storage in
            if storage.reports.count < Limits.warningsKept {
                storage.reports.append(report)
            } else {
                storage.reports[storage.start] = report
                storage.start = (storage.start + 1) % Limits.warningsKept
            }
            storage.newest = report.sequence
        }
    }

    /// The reports after a sequence number: the newest `limit` of them, or with `fromOldest` the oldest.
    func reports(after sequence: UInt64, limit: Int, fromOldest: Bool = false) -> Excerpt {
        storage.withLock { storage in
            let ordered = storage.reports[storage.start...] + storage.reports[..<storage.start]
            let later = ordered.drop { $0.sequence <= sequence }
            return Excerpt(
                reports: Array(fromOldest ? later.prefix(limit) : later.suffix(limit)),
                oldest: ordered.first?.sequence ?? 0,
                newest: storage.newest
            )
        }
    }
}
