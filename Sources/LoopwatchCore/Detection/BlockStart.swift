// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Estimates when a block began: somewhere between the last proof that the target was free and the first look at which
/// it was not.
public enum BlockStart {
    /// What a thread that computes, of which nothing was known before, can have been at its job for at most: for as long as it was
    /// at anything since it was made.
    ///
    /// - Returns: `nil` for a thread that has been at more than there was time for since the target was free: that tells nothing
    ///   of its job.
    public static func activeAtMost(
        computed: Int64,
        delayed: Int64,
        sinceFree elapsed: Int64
    ) -> (computed: Int64, delayed: Int64)? {
        computed + delayed <= elapsed ? (computed, delayed) : nil
    }

    /// The estimate.
    ///
    /// A thread that sleeps in a foreign system call began its job as long before it went to sleep as it computed, or
    /// waited for a CPU, since the last proof; one that runs began it that long before now. Without such evidence the middle of the interval is
    /// the estimate without bias, since a block may begin anywhere in it.
    ///
    /// - Parameters:
    ///   - lastFree: the last proof of freedom.
    ///   - activeNanoseconds: time for which the thread computed or waited for a CPU since then; `nil` if unknown.
    ///   - observation: the first look at which the target was not free.
    ///   - latest: the latest instant at which the block can have begun.
    public static func estimate(
        lastFree: MonotonicInstant,
        activeNanoseconds: Int64?,
        observation: Observation,
        latest: MonotonicInstant
    ) -> MonotonicInstant {
        let bound = max(lastFree, latest)
        func clamped(_ instant: MonotonicInstant) -> MonotonicInstant { min(max(instant, lastFree), bound) }
        if let sleepingSince = observation.sleepingSince {
            return clamped(sleepingSince.advanced(byNanoseconds: -(activeNanoseconds ?? 0)))
        }
        if let activeNanoseconds, observation.call == nil {
            return clamped(observation.instant.advanced(byNanoseconds: -activeNanoseconds))
        }
        return lastFree.advanced(byNanoseconds: bound.nanoseconds(since: lastFree) / 2)
    }
}
