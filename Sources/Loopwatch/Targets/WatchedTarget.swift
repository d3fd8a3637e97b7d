// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import Synchronization

/// A registered target: what the host gave, the cell its beats run in, and the detector that decides.
final class WatchedTarget: Sendable {
    let target: WatchTarget
    /// Whether it is the main queue, or the main actor; asked at each wake-up, and costly to find out.
    let isMain: Bool
    let cell = BeatCell()
    /// Made once and posted again and again, so that nothing is allocated for a beat and nothing freed on the loop.
    let beat: @Sendable () -> Void
    /// Guarded, because the watchdog decides by it and the endpoint takes its picture.
    let detector: Mutex<StallDetector>
    /// Whether beats are posted to it: not where accounting tells more.
    let isBeaten: Atomic<Bool>
    /// What is known of its work items, where the host has metered it.
    let metered: MeteredPool?
    /// Threads that the pool may have, as the watchdog last asked; -1 as long as it has not.
    let size = Atomic<Int>(-1)
    /// Used by the watchdog's thread alone; guarded so that the compiler knows.
    let evidence: Mutex<EvidenceSource>

    init(target: WatchTarget, policy: DetectionPolicy, now: MonotonicInstant) {
        self.target = target
        isMain = target.isMain
        isBeaten = Atomic(target.jobRole == nil && target.meter == nil && target.remote == nil)
        metered = target.meter.map { MeteredPool($0, policy: policy, now: now) }
        let cell = cell
        beat = cell.beat()
        detector = Mutex(StallDetector(policy: policy, now: now))
        evidence = Mutex(EvidenceSource(target.evidence))
    }

    /// No thread of the process has run for a while; counts for what is proved to wait by that, and only once.
    func rested(_ rest: RestClock.Rest) {
        guard isBeaten.load(ordering: .relaxed) else { return }
        detector.withLock { _ = $0.stillFree(at: rest.until, since: rest.since) }
    }
}
