// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import HummingbirdIntegration
import Loopwatch
import Synchronization

/// Collects every report, with what was true at the moment when it was made.
final class ReportLog: Sendable {
    /// A report, its line, and whether its target was still blocked when it came.
    struct Entry: Sendable {
        var report: StallReport
        var line: String
        var whileBlocked: Bool
    }

    /// Tells what is blocked, from within.
    let monitor: BlockMonitor
    private let storage = Mutex<[Entry]>([])

    /// Creates an empty log.
    init(monitor: BlockMonitor) {
        self.monitor = monitor
    }

    /// What has come so far.
    var entries: [Entry] { storage.withLock { $0 } }

    /// The lines so far, for a failure.
    var text: String {
        let lines = entries.map(\.line)
        return lines.isEmpty ? "no report" : "\n" + lines.joined(separator: "\n")
    }

    /// What has come so far and is laid on the application: not that the whole process stood still.
    var blamed: [Entry] { entries.filter { $0.report.kind != .interruption } }

    /// A configuration that reports to this log and to nothing else.
    func configuration() -> WatchConfiguration {
        var configuration = WatchConfiguration()
        configuration.endpoint = .tcp(host: "127.0.0.1", port: 0)
        configuration.watchesGlobalExecutor = false
        configuration.log = [.closure { report, line in self.add(report, line) }]
        return configuration
    }

    /// Waits for a report.
    ///
    /// - Throws: ``DeadlineError``.
    @discardableResult
    func wait(_ awaited: String, for isAwaited: (StallReport) -> Bool) throws -> Entry {
        try eventually(awaited, instead: { text }) { entries.first { isAwaited($0.report) } }
    }

    private func add(_ report: StallReport, _ line: String) {
        let whileBlocked = monitor.isBlocked(report.subject == .pool ? BlockMonitor.pool : report.target)
        storage.withLock { $0.append(Entry(report: report, line: line, whileBlocked: whileBlocked)) }
    }
}
