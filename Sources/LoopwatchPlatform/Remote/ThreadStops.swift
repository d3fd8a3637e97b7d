// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import Synchronization

/// What holding threads of another process, whose next wait is awaited, has done to them.
///
/// Safe from any thread.
final class ThreadStops: Sendable {
    /// The counts.
    struct Counts: Sendable {
        /// How often they were held at their calls, and for how long at most each time.
        var waits = Histogram(edges: .hold)
        /// The same, so that their stacks were copied.
        var stacks = Histogram(edges: .hold)
        /// System calls that a stop had cut short, and that were begun again.
        var callsRestarted: UInt64 = 0
        /// The same that could not be begun again.
        var callsInterrupted: UInt64 = 0
    }

    private let storage = Mutex(Counts())

    /// Counts one stop; how long it can have been at most, in nanoseconds.
    func add(nanoseconds: Int64, isCopy: Bool) {
        storage.withLock { counts in
            if isCopy {
                counts.stacks.observe(nanoseconds: nanoseconds)
            } else {
                counts.waits.observe(nanoseconds: nanoseconds)
            }
        }
    }

    /// Counts system calls that were cut short.
    func add(restarted: UInt32, interrupted: UInt32) {
        storage.withLock { counts in
            counts.callsRestarted += UInt64(restarted)
            counts.callsInterrupted += UInt64(interrupted)
        }
    }

    /// All so far.
    var counts: Counts { storage.withLock { $0 } }
}
