// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import Synchronization

/// What the watch said, and when it was heard.
final class Reports: Sendable {
    /// A report.
    struct Heard: Sendable {
        var report: StallReport
        var line: String
        var nanoseconds: Int64
    }

    private let storage = Mutex<[Heard]>([])

    /// Where the watch is to log.
    var destination: LogDestination {
        .closure { report, line in
            let heard = Heard(report: report, line: line, nanoseconds: monotonicNanoseconds())
            self.storage.withLock { $0.append(heard) }
        }
    }

    /// What has been heard since the last call.
    func take() -> [Heard] {
        storage.withLock { reports in
            defer { reports = [] }
            return reports
        }
    }

    /// Whether the end of a stall was heard.
    var hasEnd: Bool { storage.withLock { $0.contains { $0.report.state == .ended && $0.report.kind == .stall } } }
}
