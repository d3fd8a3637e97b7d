// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The reports of what goes on: those whose end has not been reported.
struct CurrentBlocks {
    private var open: [WatchHistory.Key: [StallReport]] = [:]

    /// Finds what goes on among the reports that are kept, in ascending order.
    init(_ reports: [StallReport]) {
        for report in reports where report.subject != .process {
            let key = WatchHistory.Key(subject: report.subject, process: report.process, name: report.target)
            open[key]?.removeAll { $0.stall == report.stall }
            if report.state != .ended { open[key, default: []].append(report) }
        }
    }

    /// The latest report of what blocks a target, or holds one of its threads, now; what began first comes first.
    func reports(of key: WatchHistory.Key, kind: StallReport.Kind) -> [StallReport] {
        (open[key] ?? []).filter { $0.kind == kind }.sorted {
            ($0.beganUnixNanoseconds, $0.stall) < ($1.beganUnixNanoseconds, $1.stall)
        }
    }
}

/// What blocks a target, or holds a thread of a pool, now.
struct CurrentBlock {
    /// Length so far, in nanoseconds.
    var nanoseconds: Int64
    /// Unix time at which it began, in nanoseconds.
    var sinceUnixNanoseconds: Int64
    /// Why, where that is known.
    var cause: String?
    /// The latest report of it; `nil` before the first, and where the rate limit kept it back.
    var report: StallReport?
    /// Whether it is one job that holds a thread, and not the target that makes no progress.
    var isHold = false
}
