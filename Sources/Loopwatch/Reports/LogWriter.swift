// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchPlatform
internal import Synchronization

/// Writes warnings to their destinations, on a thread of its own: the watchdog never waits for a disk, a terminal or a
/// host's closure.
final class LogWriter: Sendable {
    private enum Entry: Sendable {
        case report(StallReport)
        case note(String)
    }

    private struct Storage {
        var queue: [Entry] = []
        var droppedQueueFull: UInt64 = 0
        var droppedWriteFailed: UInt64 = 0
        var failing: Set<String> = []
        var mustReopen = false
    }

    private let destinations: [LogDestination]
    private let storage = Mutex(Storage())
    private let wake: WakeSignal
    private let ended: WakeSignal
    private let isStopping = Atomic<Bool>(false)
    private let isAbandoned = Atomic<Bool>(false)
    private let thread = Mutex<OwnThread?>(nil)

    /// How long `stop()` waits for what is still to be written, in nanoseconds.
    private static let stopNanoseconds: Int64 = 2_000_000_000

    /// Creates a writer that does not run yet.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(destinations: [LogDestination]) throws {
        self.destinations = destinations
        wake = try WakeSignal()
        ended = try WakeSignal()
    }

    /// The thread that writes, once it runs.
    var threadIdentifier: ThreadIdentifier? { thread.withLock { $0?.identifier } }

    /// Warnings that were lost because the queue was full, and because writing failed.
    var dropped: (queueFull: UInt64, writeFailed: UInt64) {
        storage.withLock { ($0.droppedQueueFull, $0.droppedWriteFailed) }
    }

    /// Whether every destination took the latest line.
    var isHealthy: Bool { storage.withLock { $0.failing.isEmpty } }

    /// Starts the thread.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        let started = try OwnThread(name: "lw-log") { self.run() }
        thread.withLock { $0 = started }
    }

    /// Writes what is queued, for at most two seconds, and ends the thread.
    ///
    /// A destination that blocks for longer keeps the thread until it returns; nothing waits for it, and what is queued
    /// behind it is dropped.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
        guard let thread = thread.withLock({ $0.take() }) else { return }
        guard !thread.isCurrent else { return thread.detach() }
        if ended.wait(until: Clock.now().advanced(byNanoseconds: Self.stopNanoseconds)) {
            thread.join()
            wake.close()
            ended.close()
        } else {
            isAbandoned.store(true, ordering: .releasing)
            thread.detach()
        }
    }

    /// Queues a warning; never blocks.
    func write(_ report: StallReport) { enqueue(.report(report)) }

    /// Queues a line about Loopwatch itself; never blocks.
    func note(_ text: String) { enqueue(.note(text)) }

    /// Opens log files again before the next line, as log rotation asks for; never blocks.
    func reopen() {
        storage.withLock { $0.mustReopen = true }
        wake.wake()
    }

    private func enqueue(_ entry: Entry) {
        storage.withLock { storage in
            if storage.queue.count < Limits.warningsQueuedForLog {
                storage.queue.append(entry)
            } else {
                storage.droppedQueueFull += 1
            }
        }
        wake.wake()
    }

    // MARK: The writing thread

    private func run() {
        var outputs = Outputs(destinations)
        // Opened before there is anything to write, so that a path that cannot be opened is told at the start.
        fail(outputs.open())
        while true {
            let isLast = isStopping.load(ordering: .acquiring)
            let (entries, mustReopen) = storage.withLock { storage in
                defer {
                    storage.queue = []
                    storage.mustReopen = false
                }
                return (storage.queue, storage.mustReopen)
            }
            if mustReopen { fail(outputs.open()) }
            for (index, entry) in entries.enumerated() {
                if isAbandoned.load(ordering: .acquiring) {
                    storage.withLock { $0.droppedWriteFailed += UInt64(entries.count - index) }
                    break
                }
                write(entry, &outputs)
            }
            if entries.isEmpty || isAbandoned.load(ordering: .acquiring) {
                if isLast { break }
                _ = wake.wait(until: nil)
            }
        }
        ended.wake()
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
