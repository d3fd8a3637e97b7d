// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import Synchronization

/// How often threads of another process were held by ptrace(2), and for how long each time.
///
/// Safe from any thread.
final class ThreadStops: Sendable {
    private let storage = Mutex(Histogram(edges: .hold))

    /// Counts one stop; how long it can have been at most, in nanoseconds.
    func add(nanoseconds: Int64) { storage.withLock { $0.observe(nanoseconds: nanoseconds) } }

    /// All so far.
    var histogram: Histogram { storage.withLock { $0 } }
}
