// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Swift's global executor as a watch sees it: how it is accounted, and what was found.
///
/// Shared by the watchdog, which looks, and by whoever takes a picture.
final class JobPool: Sendable {
    private struct Storage {
        var status: PoolAccountingStatus
        var detector: JobPoolDetector?
        var depthMaximum = 0
        var lost: UInt64 = 0
        /// Counters that were shown: what runs counts up to now, and may turn out to have ended a moment ago.
        var shown: [(queued: Int64, busy: Int64)] = Array(repeating: (0, 0), count: JobLane.allCases.count)
        var shownWaits: [Histogram]?
        var shownRuns: [Histogram]?
        /// Blocked time that was shown: a job is read, and ends before the reading has its time.
        var shownBlocked = (holds: Int64(0), pool: Int64(0), main: Int64(0))
        /// What was counted before the accounting was lost.
        var past = (holds: StallStatistics(), pool: StallStatistics(), main: StallStatistics())
    }

    private let storage: Mutex<Storage>

    init(best: PoolAccounting) {
        let status = PoolAccountingStatus(
            mode: .off,
            reason: best == .off ? "it is switched off" : "it is being installed",
            isSettled: best == .off
        )
        storage = Mutex(Storage(status: status))
    }

    /// How it is accounted now.
    var status: PoolAccountingStatus {
        get { storage.withLock { $0.status } }
        set { storage.withLock { $0.status = newValue } }
    }

    /// Works with the detector, which is there where runs are accounted.
    func withDetector<Value: Sendable>(_ body: (inout sending JobPoolDetector?) -> sending Value) -> Value {
        storage.withLock { storage in
            // Taken out, so that what it holds is not copied when it is changed.
            var detector = storage.detector.take()
            let value = body(&detector)
            storage.detector = detector
            return value
        }
    }

    /// Ends what goes on, because accounting is over; what was counted stays.
    func finish(at now: MonotonicInstant, interruptions: InterruptionLog) -> [JobPoolDetector.Said] {
        let unixNanoseconds = Clock.unixNanoseconds()
        return storage.withLock { storage in
            guard var detector = storage.detector.take() else { return [] }
            let said = detector.finish(at: now, interruptions: interruptions)
            storage.past.holds.add(
                detector.holdStatistics(at: now, unixNanoseconds: unixNanoseconds, interruptions: interruptions)
            )
            storage.past.pool.add(
                detector.poolStatistics(at: now, unixNanoseconds: unixNanoseconds, interruptions: interruptions)
            )
            storage.past.main.add(
                detector.mainActorStatistics(at: now, unixNanoseconds: unixNanoseconds, interruptions: interruptions)
            )
            return said
        }
    }

    private static func raise(_ statistics: inout StallStatistics, to shown: inout Int64) {
        shown = max(shown, statistics.blockedNanoseconds)
        if statistics.blockedNanoseconds < shown {
            statistics.certainStallNanoseconds = shown - statistics.finishedStallNanoseconds
        }
    }

    private static func notBelow(_ shown: [Histogram]?, _ now: [Histogram]) -> [Histogram] {
        shown.map { shown in zip(now, shown).map { $0.notBelow($1) } } ?? now
    }

    /// Notes what a look told beside the detector.
    func note(depth: Int, lost: UInt64) {
        storage.withLock {
            $0.depthMaximum = max($0.depthMaximum, depth)
            $0.lost = lost
        }
    }

    /// What is told of it beyond what is told of any pool, and its counters as those of a pool.
    func snapshot(
        at now: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> (jobs: JobPoolSnapshot, pool: StallStatistics, main: StallStatistics, cause: Cause?) {
        storage.withLock { storage in
            var jobs = JobPoolSnapshot(accounting: storage.status, lost: storage.lost)
            var pool = StallStatistics()
            var main = StallStatistics()
            if storage.status.mode != .off {
                var counters = JobCounters.read()
                for index in counters.lanes.indices {
                    let lane = counters.lanes[index]
                    storage.shown[index].queued = max(storage.shown[index].queued, lane.queuedNanoseconds)
                    storage.shown[index].busy = max(storage.shown[index].busy, lane.busyNanoseconds)
                    counters.lanes[index].queuedNanoseconds = storage.shown[index].queued
                    counters.lanes[index].busyNanoseconds = storage.shown[index].busy
                }
                counters.waits = Self.notBelow(storage.shownWaits, counters.waits)
                counters.runs = Self.notBelow(storage.shownRuns, counters.runs)
                storage.shownWaits = counters.waits
                storage.shownRuns = counters.runs
                // Where only enqueues are counted nothing is seen to begin.
                let isWaitKnown = storage.status.mode != .enqueues
                let seen = JobLane.ofPool.map { counters.lanes[$0.rawValue].depthMaximum }.max() ?? 0
                if isWaitKnown {
                    storage.depthMaximum = max(storage.depthMaximum, seen, counters.sum(.pool, \.waiting))
                }
                jobs.depthMaximum = storage.depthMaximum
                jobs.counters = counters
            }
            if let detector = storage.detector {
                jobs.holds = detector.holdStatistics(
                    at: now,
                    unixNanoseconds: unixNanoseconds,
                    interruptions: interruptions
                )
                jobs.held = detector.heldLong(at: now, interruptions: interruptions).count
                pool = detector.poolStatistics(
                    at: now,
                    unixNanoseconds: unixNanoseconds,
                    interruptions: interruptions
                )
                main = detector.mainActorStatistics(
                    at: now,
                    unixNanoseconds: unixNanoseconds,
                    interruptions: interruptions
                )
            }
            jobs.holds.add(storage.past.holds)
            pool.add(storage.past.pool)
            main.add(storage.past.main)
            Self.raise(&jobs.holds, to: &storage.shownBlocked.holds)
            Self.raise(&pool, to: &storage.shownBlocked.pool)
            Self.raise(&main, to: &storage.shownBlocked.main)
            if let shown = storage.shownWaits, storage.status.mode != .runs {
                pool.lag = shown[JobGroup.pool.rawValue]
                main.lag = shown[JobGroup.main.rawValue]
            }
            return (jobs, pool, main, storage.detector?.currentCause)
        }
    }
}
