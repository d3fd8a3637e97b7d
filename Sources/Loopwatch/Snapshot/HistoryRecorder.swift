// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import Synchronization

/// Records the history of all targets, for those who look after the event.
///
/// The thread of the endpoint does it: the watched loops have nothing to do with it, the watchdog's deadlines do not wait
/// for it, and without an endpoint nobody could ask.
final class HistoryRecorder: Sendable {
    private let builder: SnapshotBuilder
    private let storage: Mutex<WatchHistory>

    init(builder: SnapshotBuilder, now: MonotonicInstant) {
        self.builder = builder
        storage = Mutex(WatchHistory(now: now))
    }

    /// The history so far.
    var history: WatchHistory { storage.withLock { $0 } }

    /// Records the interval that is over, if one is.
    func turn(at now: MonotonicInstant) {
        guard storage.withLock({ $0.isDue(at: now) }) else { return }
        let (loops, pools) = builder.targets(at: now)
        storage.withLock { $0.record(loops: loops, pools: pools, at: now) }
    }
}
