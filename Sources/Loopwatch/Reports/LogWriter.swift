// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchPlatform
internal import Synchronization

/// Writes warnings to their destinations, on a thread of its own: nothing waits for a disk, a terminal or a host's
/// closure.
final class LogWriter: Sendable {
    private enum Entry: Sendable {
        case report(StallReport)
        case note(String)
        case reopen
    }

    private struct Storage {
        var droppedWriteFailed: UInt64 = 0
        var failing: Set<String> = []
    }

    private let destinations: [LogDestination]
    private let storage = Mutex(Storage())
    private let queue: QueueThread<Entry>

    /// Creates a writer that does not run yet.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(destinations: [LogDestination]) throws {
        self.destinations = destinations
        queue = try QueueThread(name: "lw-log", limit: Limits.warningsQueuedForLog, turns: .prompt)
    }

    /// The thread that writes, once it runs.
    var threadIdentifier: ThreadIdentifier? { queue.threadIdentifier }

    /// Warnings that were lost because the queue was full, and because writing failed.
    var dropped: (queueFull: UInt64, writeFailed: UInt64) {
        (queue.dropped, storage.withLock { $0.droppedWriteFailed })
    }

    /// Whether every destination took the latest line.
    var isHealthy: Bool { storage.withLock { $0.failing.isEmpty } }

    /// Starts the thread.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        try queue.start { self.run() }
    }

    /// Writes what is queued, for at most two seconds, and ends the thread; see ``QueueThread/stop()``.
    func stop() { queue.stop() }

    /// Queues a warning; never blocks.
    func write(_ report: StallReport) { queue.enqueue(.report(report)) }

    /// Queues a line about Loopwatch itself; never blocks.
    func note(_ text: String) { queue.enqueue(.note(text)) }

    /// Queues a line about Loopwatch itself that says that all is as was asked for: not for standard error where the log
    /// goes elsewhere; never blocks.
    func inform(_ text: String) {
        if destinations.contains(where: \.takesNotes) { note(text) }
    }

    /// Opens log files again before the next line, as log rotation asks for; never blocks.
    ///
    /// Files are also checked before each line, so nothing is lost where the queue is full.
    func reopen() { queue.enqueue(.reopen, isLoss: false) }

    // MARK: The writing thread

    private func run() {
        var outputs = Outputs(destinations)
        // Opened before there is anything to write, so that a path that cannot be opened is told at the start.
        fail(outputs.open())
        while let entries = queue.next() {
            for (index, entry) in entries.enumerated() {
                if queue.isAbandoned {
                    storage.withLock { $0.droppedWriteFailed += UInt64(entries.count - index) }
                    break
                }
                write(entry, &outputs)
            }
        }
    }

    private func write(_ entry: Entry, _ outputs: inout Outputs) {
        switch entry {
        case .report(let report):
            var line: [UInt8] = []
            WarningLineWriter.write(report, into: &line)
            let failures = outputs.write(line, report: report)
            storage.withLock { $0.droppedWriteFailed += UInt64(failures.count) }
            fail(failures)
        case .note(let text):
            fail(outputs.write(LineOutput.note(text), report: nil))
        case .reopen:
            fail(outputs.open())
        }
    }

    /// Tells a destination's failure once, on standard error, until it works again.
    private func fail(_ failures: [String: SystemError]) {
        let isNew = storage.withLock { storage -> [String] in
            let new = failures.keys.filter { !storage.failing.contains($0) }
            storage.failing = Set(failures.keys)
            return new
        }
        for name in isNew where name != Outputs.standardErrorName {
            let text = "loopwatch: warnings are lost: \(failures[name]!)\n"
            try? LineOutput.write(Array(text.utf8), to: STDERR_FILENO, name: Outputs.standardErrorName)
        }
    }
}
