// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Whether what holds a loop up is one job, or many of which none blocks.
extension AttachWork {
    /// Jobs that a loop has to be found at, each another than the ones before, to be taken for one of many short ones where
    /// it was not looked at before it has to be reported.
    private static let jobsLeast = 3
    /// Time between those looks, in microseconds.
    private static let jobPauseMicroseconds: UInt32 = 1_500

    /// Looks at which jobs loops are that have been away from their wait for a fifth of the threshold, until one of these has
    /// been there for a whole one.
    mutating func seeJobs(now: MonotonicInstant) {
        guard reader?.tellsJobs == true else { return }
        let threshold = process.options.policy.thresholdNanoseconds
        for away in process.loopsAway(forNanoseconds: threshold / 5, at: now) {
            let known = sightings[away.target].flatMap { $0.began == away.since ? $0 : nil }
            var seen = known ?? JobSightings(began: away.since)
            guard !seen.isOfOne else { continue }
            if let job = reader?.job(of: away.thread) {
                seen.see(job, at: now, thresholdNanoseconds: threshold)
                if seen.isOfMany || seen.isOfOne {
                    process.note(isOfManyJobs: seen.isOfMany, inIterationFrom: away.since, of: away.target, now: now)
                }
            }
            sightings[away.target] = seen
        }
    }

    /// Whether a loop of which a block is about to be reported goes from job to job: one that blocks stays at its own.
    mutating func isAtManyJobs(
        _ thread: Int32,
        of identity: RemoteTargetIdentity,
        since began: MonotonicInstant
    ) -> Bool {
        // Where it was looked at before, the report does not wait.
        if var seen = sightings[identity], seen.began == began, seen.hasSeen {
            if let job = reader?.job(of: thread) {
                seen.see(job, at: Clock.now(), thresholdNanoseconds: process.options.policy.thresholdNanoseconds)
                sightings[identity] = seen
            }
            return seen.isOfMany
        }
        var jobs: Set<UInt64> = []
        while jobs.count < Self.jobsLeast {
            if !jobs.isEmpty { usleep(Self.jobPauseMicroseconds) }
            guard let next = reader?.job(of: thread), jobs.insert(next).inserted else { return false }
        }
        return true
    }
}
