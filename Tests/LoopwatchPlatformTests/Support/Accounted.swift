// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Testing

/// Runs the body of a child process on a thread of its own, while neither the main thread nor the pool has anything to do,
/// so that every job is the body's.
///
/// What it throws is recorded. A body that hangs ends the child.
func onQuietThread(_ body: @escaping @Sendable () throws -> Void) async {
    alarm(120)
    await withCheckedContinuation { continuation in
        do {
            try OwnThread(name: "test-body") {
                recordingErrors(body)
                continuation.resume()
            }.detach()
        } catch {
            Issue.record("\(error)")
            continuation.resume()
        }
    }
}

/// What accounting counted, as sums.
struct JobCounts: Equatable {
    /// Jobs of the global executor that were seen to be enqueued, those of them that began, and all that ended.
    var enqueued: UInt64
    var started: UInt64
    var ended: UInt64
    /// Observations of its histograms.
    var waits: UInt64
    var runs: UInt64
    /// Jobs of the main actor that began.
    var main: UInt64
    /// Jobs of other Dispatch queues that ended.
    var others: UInt64
    var unstamped: UInt64
    var tasks: UInt64
    var actors: UInt64
    var continuations: UInt64
    private var running: Int

    /// What one task's first job counts in.
    private static var fields: [WritableKeyPath<JobCounts, UInt64>] {
        [\.enqueued, \.started, \.ended, \.waits, \.runs]
    }

    /// Jobs that run now.
    static var running: Int { JobCounters.read().sum(.pool, \.running) }

    /// What is counted now.
    init() {
        let reading = JobCounters.read()
        enqueued = reading.sum(.pool, \.enqueued)
        started = reading.sum(.pool, \.started)
        ended = reading.sum(.pool, \.ended)
        waits = reading.waits[JobGroup.pool.rawValue].count
        runs = reading.runs[JobGroup.pool.rawValue].count
        main = reading.sum(.main, \.started)
        others = reading.sum(.queue, \.ended)
        unstamped = reading.unstamped
        tasks = reading.kinds[JobKind.task.rawValue]
        actors = reading.kinds[JobKind.actor.rawValue]
        continuations = reading.kinds[JobKind.continuation.rawValue]
        running = reading.lanes.reduce(0) { $0 + $1.running }
    }

    /// What is counted once nothing runs and nothing waits.
    static func settled() throws -> JobCounts {
        var last = JobCounts()
        do {
            try eventually("the pool is quiet") {
                poll(nil, 0, 25)
                let now = JobCounts()
                defer { last = now }
                return now == last && now.running == 0 && now.enqueued == now.started
            }
        } catch {
            throw NeverHappened(description: "\(error): \(last)")
        }
        return last
    }

    /// What a task's body came to, without the job that begins the task.
    ///
    /// - Parameters:
    ///   - isAlone: whether the body gets one thread of the pool only: then nothing that it awaits is done before it
    ///     suspends, so that it is resumed by a job each time.
    ///   - body: the body.
    static func of(isAlone: Bool = false, _ body: @escaping @Sendable () async -> Void) throws -> JobCounts {
        let others = isAlone ? (1..<max(2, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))))).map { _ in HeldTask() } : []
        var before = try settled()
        for other in others { Task.detached { other.hold() } }
        for other in others { other.waitUntilBegun() }
        before.tasks += UInt64(others.count)
        for field in fields { before[keyPath: field] += UInt64(others.count) }
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            await body()
            done.signal()
        }
        #expect(done.wait(timeout: .now() + 60) == .success, "the task ended")
        for other in others { other.release() }
        let after = try settled()
        before.tasks += 1
        for field in fields { before[keyPath: field] += 1 }
        var difference = after
        for field in [
            \JobCounts.enqueued, \.started, \.ended, \.waits, \.runs, \.main, \.others, \.unstamped, \.tasks, \.actors,
            \.continuations,
        ] {
            difference[keyPath: field] = after[keyPath: field] &- before[keyPath: field]
        }
        return difference
    }
}

extension JobAccounting {
    /// Joins, and waits until it is settled how the pool is accounted.
    static func joined(
        best: PoolAccounting = .exact,
        longNanoseconds: Int64 = 100_000_000
    ) throws -> (lease: Lease, status: PoolAccountingStatus) {
        let lease = join(longNanoseconds: longNanoseconds, best: best)
        var status = advance()
        try eventually("accounting is settled") {
            status = advance()
            return status.isSettled
        }
        return (lease, status)
    }
}

/// A task that holds a thread until it is told to go on.
final class HeldTask: Sendable {
    private let begun = DispatchSemaphore(value: 0)
    private let goOn = DispatchSemaphore(value: 0)

    /// Blocks the calling thread.
    func hold() {
        begun.signal()
        goOn.wait()
    }

    /// Waits until the thread is held.
    func waitUntilBegun() { #expect(begun.wait(timeout: .now() + 30) == .success, "the task began") }

    /// Lets it go on.
    func release() { goOn.signal() }
}
