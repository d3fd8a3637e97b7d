// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
package import LoopwatchCore

/// The clocks of Linux; the only place that reads one.
package enum Clock {
    /// Now, on the clock that every decision uses (`CLOCK_MONOTONIC`: it stands still while the machine sleeps).
    package static func now() -> MonotonicInstant {
        MonotonicInstant(nanoseconds: read(CLOCK_MONOTONIC) ?? 0)
    }

    /// Wall time in Unix nanoseconds, for what people and other machines read; never used for a duration.
    package static func unixNanoseconds() -> Int64 {
        read(CLOCK_REALTIME) ?? 0
    }

    /// Nanoseconds that the machine slept since it started (`CLOCK_BOOTTIME` minus `CLOCK_MONOTONIC`).
    package static func machineSleepNanoseconds() -> Int64 {
        (read(CLOCK_BOOTTIME) ?? 0) - (read(CLOCK_MONOTONIC) ?? 0)
    }

    /// Nanoseconds since the machine started, its sleep included (`CLOCK_BOOTTIME`).
    package static func bootNanoseconds() -> Int64 {
        read(CLOCK_BOOTTIME) ?? 0
    }

    /// CPU time of all threads of the process, in nanoseconds.
    package static func processCPUNanoseconds() -> Int64? {
        read(CLOCK_PROCESS_CPUTIME_ID)
    }

    /// CPU time of a thread of this process, in nanoseconds, read without touching it; `nil` when it is gone.
    package static func threadCPUNanoseconds(of thread: ThreadIdentifier) -> Int64? {
        // The kernel's encoding of "CPU clock of that thread" (CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED, posix-timers.h).
        read((~clockid_t(thread) << 3) | 6)
    }

    /// CPU time of the calling thread, in nanoseconds.
    package static func ownCPUNanoseconds() -> Int64? {
        read(CLOCK_THREAD_CPUTIME_ID)
    }

    /// Time between two ticks of the kernel, in nanoseconds: the CPU time of a thread that runs is brought up to date at each
    /// (`clock_getres(2)` of the clock that moves with them).
    package static func tickNanoseconds() -> Int64? {
        var time = timespec()
        guard clock_getres(CLOCK_MONOTONIC_COARSE, &time) == 0 else { return nil }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> Int64? {
        var time = timespec()
        guard clock_gettime(clock, &time) == 0 else { return nil }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The kernel's number of a thread.
package typealias ThreadIdentifier = Int32
