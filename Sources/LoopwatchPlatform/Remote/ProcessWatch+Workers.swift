// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Threads of Python, of which their names do not tell which pool they are of.
extension ProcessWatch {
    /// How often it is asked what a thread is there for: one that has just begun does not tell yet.
    private static let askedMost = 10
    /// Threads of which it is asked at once, some 100 us each.
    private static let askedAtOnce = 16

    /// Threads of which it should be told what they are there for (``note(_:of:)``), the longest known first.
    package mutating func threadsToTell() -> [Int32] {
        guard mayHaveUntold else { return [] }
        var unknown: [(asked: Int, thread: Int32)] = []
        for thread in threads.keys where isUntold(thread) { unknown.append((workersUntold[thread] ?? 0, thread)) }
        mayHaveUntold = !unknown.isEmpty
        return unknown.sorted { $0 < $1 }.prefix(Self.askedAtOnce).map(\.thread)
    }

    /// Begins to wait with the pools of such threads until it is told what they are there for.
    package mutating func willBeToldWorkers() {
        isToldWorkers = true
        mayHaveUntold = true
    }

    /// Takes what a thread is there for; `nil` if that is not known yet.
    package mutating func note(_ worker: PythonWorker?, of thread: Int32) {
        guard threads[thread] != nil else { return }
        if let worker {
            workers[thread] = worker
            workersUntold[thread] = nil
            mayHavePools = true
            guard case .executor(let queue) = worker, !executors.contains(queue) else { return }
            // The number of one that is gone is given again.
            if let free = executors.firstIndex(of: nil) { executors[free] = queue } else { executors.append(queue) }
        } else {
            workersUntold[thread, default: 0] += 1
        }
    }

    /// Whether it is not known yet what a thread is there for, and will be.
    func isUntold(_ thread: Int32) -> Bool {
        guard isToldWorkers, workers[thread] == nil, (workersUntold[thread] ?? 0) < Self.askedMost,
            let known = threads[thread], !loops.contains(where: { $0.view.identifier == thread })
        else { return false }
        return recognition.kind(comm: known.comm, isMain: known.isMain)?.name == PoolRecognition.pythonWorkers
    }

    /// The pool of a thread; `nil` if it is none that is known, or none yet.
    func kind(of thread: Int32) -> PoolKind? {
        guard let known = threads[thread], !isUntold(thread) else { return nil }
        let kind = recognition.kind(comm: known.comm, isMain: known.isMain)
        guard kind?.name == PoolRecognition.pythonWorkers, case .executor(let queue)? = workers[thread],
            let index = executors.firstIndex(of: queue)
        else { return kind }
        return PoolRecognition.pythonExecutor(number: index + 1)
    }

    /// The queue of a pool, where it can be read.
    func queue(of kind: PoolKind) -> PythonWorkQueue? {
        for (index, queue) in executors.enumerated() where PoolRecognition.pythonExecutor(number: index + 1) == kind {
            return queue
        }
        return nil
    }

    /// Forgets executors that have no thread any more, as programs make them for a while.
    mutating func forgetEmptyExecutors(_ members: [PoolKind: [Int32]], now: MonotonicInstant, into said: inout [Said]) {
        for index in executors.indices where executors[index] != nil {
            let kind = PoolRecognition.pythonExecutor(number: index + 1)
            guard members[kind] == nil else { continue }
            executors[index] = nil
            guard let place = pools.firstIndex(where: { $0.detector.kind == kind }) else { continue }
            var pool = pools.remove(at: place)
            say(pool.detector.gone(at: now), of: pool.identity, threads: [], into: &said)
            said.append(.gone(pool.identity))
        }
    }
}
