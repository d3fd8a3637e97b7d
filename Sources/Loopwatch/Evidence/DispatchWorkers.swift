// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// The threads of Dispatch that were seen to serve queues, and what their clocks showed at the end of the latest pass: any of
/// them may serve any queue next, and what it computed since then tells when it began.
///
/// Belongs to the watchdog's thread.
final class DispatchWorkers {
    /// A thread, and its clocks.
    struct Worker {
        var view: ThreadView
        var cpuNanoseconds: Int64?
        var schedule: (delayNanoseconds: Int64, runs: Int64)?

        init(_ thread: ThreadIdentifier) { view = ThreadView(thread) }

        /// Reads its clocks; `false` if it has ended.
        mutating func read() -> Bool {
            guard let cpu = view.cpuNanoseconds() else { return false }
            // A thread whose clock has not moved has not run either.
            guard cpu != cpuNanoseconds || schedule == nil else { return true }
            cpuNanoseconds = cpu
            schedule = view.schedule()
            return true
        }
    }

    /// The one that was seen first comes first.
    private var workers: [Worker] = []

    /// A thread serves queues.
    ///
    /// Its clocks are read at the end of the pass: for another queue that it serves in this one, what it did just now is not
    /// what it did before the pass.
    func note(_ thread: ThreadIdentifier) {
        guard !workers.contains(where: { $0.view.identifier == thread }) else { return }
        if workers.count == Limits.dispatchWorkers { workers.removeFirst() }
        workers.append(Worker(thread))
    }

    /// A thread as it was at the end of the latest pass; one that is seen for the first time has shown nothing yet.
    func worker(_ thread: ThreadIdentifier) -> Worker {
        workers.first { $0.view.identifier == thread } ?? Worker(thread)
    }

    /// Reads the clocks of all, at the end of a pass.
    func refresh() {
        var index = 0
        while index < workers.count {
            if workers[index].read() { index += 1 } else { workers.remove(at: index) }
        }
    }
}
