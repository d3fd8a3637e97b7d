// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch

/// Remembers what a watch logs.
final class ReportRecorder: Sendable {
    private struct Storage {
        var reports: [StallReport] = []
        var lines: [String] = []
    }

    private let storage = Guarded(Storage())

    /// Where the watch is to log.
    var destination: LogDestination {
        .closure { report, line in
            self.storage.withLock {
                $0.reports.append(report)
                $0.lines.append(line)
            }
        }
    }

    /// All reports so far.
    var all: [StallReport] { storage.withLock { $0.reports } }

    /// The lines of all reports so far.
    var lines: [String] { storage.withLock { $0.lines } }

    /// The reports so far that blame the application; how a loaded machine treats the process is not its doing.
    var reports: [StallReport] { all.filter { $0.kind != .interruption } }

    /// Waits for a report, and throws an error that names it if it does not come.
    @discardableResult
    func wait(for what: String, _ condition: (StallReport) -> Bool) throws -> StallReport {
        do {
            return try eventually(what) { all.first(where: condition) }
        } catch let error as NeverHappened {
            throw NeverHappened(description: "\(error); reported was: \(lines)")
        }
    }
}
