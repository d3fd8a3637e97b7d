// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The ways in which the server blocks itself.
enum Block {
    /// How long the sleeping handlers sleep: ten times the default threshold.
    static let sleepMicroseconds: UInt32 = 1_000_000
    /// How long the computing handler computes.
    static let computing = Duration.milliseconds(800)
    /// How long one long job computes, and about how long a flood of short ones lasts.
    static let churning = Duration.milliseconds(250)
    /// Jobs of 1 ms that are given to a loop at once.
    static let flood = 400
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

    /// Computes for a time as parsers do: with many locals that change all the time, and at a call depth that does too.
    @inline(never)
    static func churn(for duration: Duration) -> UInt64 {
        let end = SuspendingClock.now + duration
        var (a, b, c, d): (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
        var (rounds, hash): (UInt64, UInt64) = (0, 0xCBF2_9CE4_8422_2325)
        while SuspendingClock.now < end {
            rounds += 1
            (a, b, c, d) = (b &+ rounds, c ^ a, d &* 3, a &+ hash)
            hash = (hash ^ descend(Int(rounds % 40), a, b, c, d)) &* 0x0100_0000_01B3
        }
        return hash | 1
    }

    /// Goes down some calls, each with a frame of its own that it changes.
    @inline(never)
    private static func descend(_ depth: Int, _ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) -> UInt64 {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { words in
            words.initialize(repeating: a)
            for index in 1..<words.count { words[index] = words[index - 1] &* 31 &+ (b ^ UInt64(index)) }
            let below = depth == 0 ? c : descend(depth - 1, b, c, d, words[15])
            return words.reduce(below, ^)
        }
    }

    /// Works for 1 ms, in one of two ways.
    static func shortJob(sleeping: Bool) {
        if sleeping { usleep(1_000) } else { _ = churn(for: .milliseconds(1)) }
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
