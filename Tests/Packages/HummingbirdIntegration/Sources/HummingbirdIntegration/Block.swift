// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The ways in which the server blocks itself.
enum Block {
    /// How long the sleeping handlers sleep: ten times the default threshold.
    static let sleepMicroseconds: UInt32 = 1_000_000
    /// How long the computing handler computes.
    static let computing = Duration.milliseconds(800)
    /// How long the threads of Swift's pool are held.
    static let pool = Duration.seconds(1)

    /// Computes for a time; returns what came of it, so that the work cannot be left out.
    static func compute(for duration: Duration) -> UInt64 {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let end = SuspendingClock.now + duration
        while SuspendingClock.now < end {
            for _ in 0..<10_000 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
            }
        }
        return state
    }

    /// Holds every thread of Swift's pool until one common moment.
    ///
    /// There are more tasks than threads, so that none is left free whatever the pool's width: those that come too late
    /// to hold a thread end at once.
    static func holdPool(monitor: BlockMonitor, target: String) async {
        monitor.begin(target)
        let end = SuspendingClock.now + pool
        let lastHeld = await withTaskGroup(of: SuspendingClock.Instant.self) { tasks in
            for _ in 0..<(4 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) {
                tasks.addTask {
                    let start = SuspendingClock.now
                    while SuspendingClock.now < end {
                        usleep(UInt32(clamping: (end - SuspendingClock.now).wholeNanoseconds / 1_000 + 1))
                    }
                    return start
                }
            }
            var lastHeld = end - pool
            for await start in tasks where start < end { lastHeld = max(lastHeld, start) }
            return lastHeld
        }
        monitor.end(target, lasted: end - lastHeld)
    }
}
