// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// When a job that goes on began, and whether it is one.
extension StallDetector {
    mutating func beginJob(_ observation: Observation) {
        var observation = observation
        // The latest of many sleeps does not tell when the first began.
        if let runs = observation.runs, runs > 1 { observation.sleepingSince = nil }
        let start = BlockStart.estimate(
            lastFree: lastFree,
            activeNanoseconds: observation.computedNanoseconds.map { $0 + (observation.delayedNanoseconds ?? 0) },
            observation: observation,
            latest: latestStart(observation)
        )
        job = newEpisode(began: start, seen: observation.instant)
        job?.runsBefore = observation.runs
    }

    /// The latest instant at which a block that is going on can have begun: before the beat that it holds up.
    func latestStart(_ observation: Observation) -> MonotonicInstant {
        observation.progress == .busy && observation.call == nil
            ? observation.instant : beatPosted ?? observation.instant
    }

    mutating func noteComputing(_ observation: Observation) {
        guard var episode = job, let computed = observation.computedNanoseconds else { return }
        if observation.instant > episode.seen {
            episode.ranNanoseconds += computed
            episode.activeNanoseconds += computed + (observation.delayedNanoseconds ?? 0)
            // A wait for a CPU is counted once it is over: until then nothing can be said of what is missing.
            if computed > 0, !episode.ranOften {
                let elapsed = observation.instant.nanoseconds(since: episode.seen)
                let share = Double(episode.activeNanoseconds) / Double(elapsed)
                episode.activeShare = min(1, max(Self.activeShareLeast, share))
            }
        } else {
            episode.wasComputing = observation.progress != .unknown && observation.call == nil
        }
        job = episode
    }

    mutating func refineStart(_ observation: Observation) {
        guard var episode = job, !episode.isStartKnown, !episode.isReported else { return }
        defer { job = episode }
        if episode.ranOften {
            // At the look that saw it first there is no rhythm yet.
            guard observation.instant > episode.seen else { return }
            episode.runsSince += observation.runs ?? 0
            if let start = rhythmicStart(of: episode, observation) {
                episode.began = start
                episode.evidence.start = start
                return
            }
        }
        guard let sleepingSince = observation.sleepingSince else {
            // A thread that computes began its job no later than it computed and waited for a CPU since then. What a
            // hypervisor takes away is on no clock: it took as much before the job was seen as it did since.
            if observation.call == nil, observation.progress == .busy, let active = episode.evidence.activeNanoseconds {
                let before = Double(active - episode.activeNanoseconds) / episode.activeShare
                let start = episode.seen.advanced(byNanoseconds: -Int64(before))
                episode.began = max(episode.earliest, min(episode.beganAtFirst, start))
                episode.evidence.start = episode.began
            }
            return
        }
        // Where it did not run just once, or may not have, this sleep may be one of many, which takes another look to see, and
        // it is the longer, the less likely that is: by the time at which a report is due it has been long enough.
        let isOnlySleep =
            episode.runsBefore == 0
            || observation.instant.nanoseconds(since: sleepingSince) >= policy.thresholdNanoseconds / 2
        episode.isStartKnown = episode.runsBefore == 1 || observation.instant > episode.seen && isOnlySleep
        let start = BlockStart.estimate(
            lastFree: episode.earliest,
            activeNanoseconds: episode.evidence.activeNanoseconds,
            observation: observation,
            latest: beatPosted ?? observation.instant
        )
        // By the sleep itself, not by the beat, which was posted as soon as the job was seen: however long the thread slept
        // before that, the two lie close together.
        let ran = episode.evidence.activeNanoseconds.map { sleepingSince.advanced(byNanoseconds: -$0) } ?? start
        let isFirstSleep =
            sleepingSince <= episode.seen || ran.nanoseconds(since: episode.began) <= Self.startNanosecondsTolerated
        if isFirstSleep {
            episode.began = start
        } else {
            // One of many, as of a job that asks a database again and again: it began before all it did since.
            let latest = min(start, episode.seen)
            episode.began = episode.earliest.advanced(byNanoseconds: latest.nanoseconds(since: episode.earliest) / 2)
        }
        episode.evidence.start = episode.began
    }

    /// The beginning of a job that sleeps again and again, as one that asks a database does.
    ///
    /// It is extrapolated: as many runs as were counted before it was first seen took as long as they take now.
    ///
    /// - Returns: `nil` if the thread just computes, or did not run since the look before.
    func rhythmicStart(of episode: Episode, _ observation: Observation) -> MonotonicInstant? {
        let lately = observation.instant.nanoseconds(since: lastLook)
        let active = (observation.computedNanoseconds ?? 0) + (observation.delayedNanoseconds ?? 0)
        guard episode.runsSince > 0, active * 5 < lately * 4 else { return nil }
        let elapsed = observation.instant.nanoseconds(since: episode.seen)
        let before = Double(episode.runsBefore ?? 0) * Double(elapsed) / Double(episode.runsSince)
        let start = episode.seen.advanced(byNanoseconds: -Int64(min(before, 1e15)))
        return min(max(start, episode.earliest), episode.seen)
    }

    mutating func restartJob(
        _ observation: Observation,
        interruptions: InterruptionLog,
        into actions: inout [Action]
    ) {
        guard let began = job?.began else { return }
        // The job that ended did so somewhere since the last look; the middle is the estimate without bias.
        let middle = lastLook.advanced(byNanoseconds: observation.instant.nanoseconds(since: lastLook) / 2)
        let boundary = max(middle, lastFree)
        let wasOneJob = isOneJob(seenUntil: lastLook)
        let wasStall =
            wasOneJob && endJob(at: max(boundary, began), interruptions: interruptions, into: &actions)
        // Nothing is late as long as nothing waits, and a stall that ended is told already.
        if late == nil, beatPosted != nil {
            late = newEpisode(began: wasStall ? max(boundary, began) : began, seen: observation.instant)
        }
        job = newEpisode(began: boundary, seen: observation.instant)
        job?.earliest = max(lastLook, lastFree)
    }

    /// Whether what goes on is known to be one job: its thread slept, or ran on without a change.
    ///
    /// What one look found after a long time without one may be many short jobs. A thread that has not run since then
    /// has not gone on to another either: another program may have its CPU.
    func isOneJob(seenUntil look: MonotonicInstant) -> Bool {
        guard let job else { return false }
        if job.isReported || job.isStartKnown { return true }
        // Where runs are counted, many of them are many short jobs or one that sleeps again and again.
        guard !job.ranOften || job.seen < look else { return false }
        guard job.wasComputing, job.ranNanoseconds < secondLookNanoseconds * 3 / 4 else { return true }
        return look.nanoseconds(since: job.seen) >= policy.thresholdNanoseconds / 2
    }

    /// Time between the first look at what may be a stall or many short jobs and the look that tells, in nanoseconds.
    var secondLookNanoseconds: Int64 { min(Self.secondLookNanosecondsMost, policy.lookNanoseconds / 2) }

    func newEpisode(began: MonotonicInstant, seen: MonotonicInstant) -> Episode {
        Episode(
            number: 0,
            began: began,
            earliest: min(lastFree, began),
            seen: seen,
            beganAtFirst: began,
            nextReportNanoseconds: policy.thresholdNanoseconds,
            evidence: CauseEvidence(start: began)
        )
    }
}
