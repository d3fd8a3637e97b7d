// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Whether a watch is about to stop: what its endpoint tells followers and probes.
final class WatchLifetime: Sendable {
    private let stopping = Atomic<Bool>(false)

    /// Whether `stop()` was called.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Begins to stop; returns whether this call was the first.
    func stop() -> Bool {
        !stopping.exchange(true, ordering: .acquiringAndReleasing)
    }
}
