// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A database that answers late: what threads of a pool wait for in real servers.
final class SlowDatabase: Sendable {
    private struct Storage {
        var queries: [UInt64: Rest] = [:]
        var asked: UInt64 = 0
        var isStopped = false
    }

    private let storage = Mutex(Storage())

    /// Blocks the calling thread until the answer is there, or the database is stopped.
    ///
    /// - Parameter deadline: when it answers.
    @inline(never)
    func waitForAnswer(until deadline: MonotonicInstant) {
        // Without a descriptor there is nothing to wait on; the demo then blocks for less.
        guard let rest = try? Rest() else { return }
        let number = storage.withLock { storage -> UInt64? in
            guard !storage.isStopped else { return nil }
            storage.asked += 1
            storage.queries[storage.asked] = rest
            return storage.asked
        }
        guard let number else { return }
        rest.sleep(until: deadline)
        storage.withLock { $0.queries[number] = nil }
    }

    /// Answers everything at once from now on.
    func stop() {
        let queries = storage.withLock { storage in
            storage.isStopped = true
            return storage.queries.values.map { $0 }
        }
        for query in queries { query.end() }
    }
}
