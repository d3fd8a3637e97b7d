// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A metered pool as a watch sees it: what its meter has counted, and what was found of it.
///
/// The watchdog looks, anyone may take a picture.
final class MeteredPool: Sendable {
    private struct Storage {
        var detector: JobPoolDetector
        var cursor: MeterCounts.Cursor
        var evidence = JobEvidence()
        var nextLook: MonotonicInstant?
        var depthMaximum = 0
    }

    let meter: PoolMeter
    private let policy: DetectionPolicy
    private let storage: Mutex<Storage>

    init(_ meter: PoolMeter, policy: DetectionPolicy, now: MonotonicInstant) {
        self.meter = meter
        self.policy = policy
        meter.counts.remember(longNanoseconds: policy.thresholdNanoseconds)
        var cursor = MeterCounts.Cursor(meter.counts)
        let detector = JobPoolDetector(
            policy: policy,
            width: meter.size,
            reading: meter.counts.read(&cursor),
            lanes: [.unspecified]
        )
        storage = Mutex(Storage(detector: detector, cursor: cursor, nextLook: now))
    }

    /// When a look is due, and how much earlier one does as well, in nanoseconds; `nil` once it is not watched any more.
    var nextLook: (instant: MonotonicInstant, slackNanoseconds: Int64)? {
        storage.withLock { storage in storage.nextLook.map { ($0, storage.detector.lookSlackNanoseconds(before: $0)) } }
    }

    /// Looks; belongs to the watchdog's thread.
    ///
    /// - Parameters:
    ///   - context: what all looks of a pass share.
    ///   - size: threads that the pool may have.
    ///   - interruptions: when the process stood still.
    func look(_ context: inout LookContext, size: Int, interruptions: InterruptionLog) -> JobPoolPass.Outcome {
        storage.withLock { storage in
            var outcome = JobPoolPass.Outcome()
            storage.detector.width = size
            let reading = meter.counts.read(&storage.cursor)
            let wanted = storage.detector.wanted(reading)
            // The reading is a little younger than the pass.
            let observations = storage.evidence.look(at: wanted, &context, release: meter.counts.release)
                .mapValues { observation in
                    var observation = observation
                    observation.instant = reading.instant
                    return observation
                }
            let said = storage.detector.looked(reading, observations: observations, interruptions: interruptions)
            outcome.said = said.map(Self.asMetered)
            outcome.preparations = storage.detector.takePreparations()
            storage.nextLook = storage.detector.nextLook(interruptions: interruptions)
            storage.depthMaximum = max(storage.depthMaximum, reading.lanes[JobLane.unspecified.rawValue].waiting)
            outcome.next = storage.nextLook
            return outcome
        }
    }

    /// For how long it need not be looked at, in nanoseconds, as long as nothing runs that did not before an instant; `nil` where
    /// something goes on.
    func restNanoseconds(since: MonotonicInstant, interruptions: InterruptionLog) -> Int64? {
        storage.withLock { $0.detector.restNanoseconds(since: since, interruptions: interruptions) }
    }

    /// Nothing has run since before the last look.
    func rested(_ rest: RestClock.Rest, interruptions: InterruptionLog) {
        storage.withLock { storage in
            storage.detector.rested(until: rest.until, since: rest.since, interruptions: interruptions)
            guard storage.nextLook != nil else { return }
            storage.nextLook = storage.detector.nextLook(interruptions: interruptions)
        }
    }

    /// Ends what goes on, because it is not watched any more.
    func finish(at now: MonotonicInstant, interruptions: InterruptionLog) -> JobPoolPass.Outcome {
        storage.withLock { storage in
            var outcome = JobPoolPass.Outcome()
            storage.nextLook = nil
            outcome.said = storage.detector.finish(at: now, interruptions: interruptions).map(Self.asMetered)
            return outcome
        }
    }

    /// Its counters.
    func snapshot(
        at now: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> (jobs: JobPoolSnapshot, statistics: StallStatistics, cause: Cause?) {
        var counters = meter.counts.counters()
        return storage.withLock { storage in
            let depth = counters.lanes[JobLane.unspecified.rawValue].depthMaximum
            storage.depthMaximum = max(storage.depthMaximum, depth)
            counters.lanes[JobLane.unspecified.rawValue].depthMaximum = storage.depthMaximum
            var statistics = storage.detector.poolStatistics(
                at: now,
                unixNanoseconds: unixNanoseconds,
                interruptions: interruptions
            )
            statistics.lag = counters.waits[JobGroup.pool.rawValue]
            let jobs = JobPoolSnapshot(
                accounting: PoolAccountingStatus(mode: .exact),
                counters: counters,
                holds: storage.detector.holdStatistics(
                    at: now,
                    unixNanoseconds: unixNanoseconds,
                    interruptions: interruptions
                ),
                held: storage.detector.heldLong(at: now, interruptions: interruptions).count,
                depthMaximum: storage.depthMaximum,
                lost: storage.cursor.lost,
                isOfSwift: false
            )
            return (jobs, statistics, storage.detector.currentCause)
        }
    }

    private static func asMetered(_ said: JobPoolDetector.Said) -> JobPoolDetector.Said {
        var said = said
        said.draft.pool?.isOfSwift = false
        return said
    }
}
