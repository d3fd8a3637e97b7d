// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// A loop that lives on paper: when it is blocked, and what a look at its thread tells.
struct SimulatedLoop {
    /// What a job does.
    enum Work: Equatable {
        /// It sleeps in one system call.
        case sleeping
        /// It computes.
        case computing
        /// It computes for a millisecond, and then sleeps.
        case sleepingLater
        /// It sleeps for 3 ms and computes for 1 ms, again and again, as a job does that asks a database.
        case alternating
    }

    /// One job.
    struct Job: Equatable {
        /// When it begins.
        var begin: Int64
        /// When it ends.
        var end: Int64
        /// What it does.
        var work: Work

        /// Its length in nanoseconds.
        var length: Int64 { end - begin }

        /// How much of it may be taken for part of the next job, if nobody saw it, in nanoseconds.
        var mistakable: Int64 { work == .alternating ? 1_000_000_000_000 : SimulatedLoop.computed(self, until: end) }
    }

    /// How much a look tells.
    enum Evidence: Equatable {
        /// Whether the thread waits, what it computed, and since when it sleeps.
        case thread
        /// Nothing.
        case beats
        /// Nothing but that the process is quiet.
        case quietBeats
        /// The same, and since when the threads sleep that a beat waits for.
        case quietPool
    }

    /// What the loop does, in order of time.
    var jobs: [Job]
    /// How much a look tells.
    var evidence: Evidence
    private var first = 0
    private var computedBefore: Int64 = 0
    private var runsByFinished: Int64 = 0
    private var runsBefore: Int64 = 0

    /// Creates a loop.
    init(jobs: [Job], evidence: Evidence) {
        self.jobs = jobs
        self.evidence = evidence
    }

    /// When a beat that is posted at an instant runs.
    func beatRuns(postedAt posted: Int64) -> Int64 {
        // Waking a thread takes some time.
        let ready = posted + 30_000
        var next = first
        while next < jobs.count, jobs[next].end <= ready { next += 1 }
        return next < jobs.count && jobs[next].begin <= ready ? jobs[next].end + 5_000 : ready
    }

    /// Whether the thread waits, and has not run since the last look.
    func isStillFree(at now: Int64) -> Bool {
        guard evidence == .thread else { return false }
        return !jobs.indices.contains(first) || jobs[first].begin > now
    }

    /// What a look tells.
    mutating func look(at now: Int64, wantsBlockStart: Bool) -> Observation {
        var observation = Observation(instant: MonotonicInstant(nanoseconds: now), progress: .unknown)
        guard evidence == .thread else {
            observation.isProcessQuiet = evidence != .beats
            while first < jobs.count, jobs[first].end <= now { first += 1 }
            if evidence == .quietPool, wantsBlockStart, first < jobs.count, jobs[first].begin <= now {
                observation.sleepingSince = MonotonicInstant(nanoseconds: jobs[first].begin)
            }
            return observation
        }
        let computed = computedUntil(now)
        observation.computedNanoseconds = computed - computedBefore
        observation.delayedNanoseconds = 0
        observation.thread = 7
        var runs = runsByFinished
        if first < jobs.count, jobs[first].begin < now { runs += Self.runs(jobs[first], until: now) }
        observation.runs = runs - runsBefore
        runsBefore = runs
        computedBefore = computed
        guard jobs.indices.contains(first), jobs[first].begin <= now else {
            observation.progress = .free
            return observation
        }
        observation.progress = .busy
        if let since = Self.sleepingSince(jobs[first], now) {
            observation.call = BlockingCall(name: "clock_nanosleep", isLock: false)
            if wantsBlockStart { observation.sleepingSince = MonotonicInstant(nanoseconds: since) }
        }
        return observation
    }

    private var computedByFinished: Int64 = 0

    /// CPU time until now; jobs that are over are left behind.
    private mutating func computedUntil(_ now: Int64) -> Int64 {
        while first < jobs.count, jobs[first].end <= now {
            // Once more at its end, to go back to waiting.
            runsByFinished += Self.runs(jobs[first], until: jobs[first].end) + (jobs[first].work == .computing ? 0 : 1)
            computedByFinished += Self.computed(jobs[first], until: jobs[first].end)
            first += 1
        }
        guard first < jobs.count, jobs[first].begin < now else { return computedByFinished }
        return computedByFinished + Self.computed(jobs[first], until: now)
    }

    fileprivate static func computed(_ job: Job, until now: Int64) -> Int64 {
        let elapsed = now - job.begin
        return switch job.work {
        case .sleeping: 0
        case .computing: elapsed
        case .sleepingLater: min(elapsed, 1_000_000)
        case .alternating: elapsed / 4_000_000 * 1_000_000 + max(0, elapsed % 4_000_000 - 3_000_000)
        }
    }

    private static func runs(_ job: Job, until now: Int64) -> Int64 {
        job.work == .alternating ? 1 + (now - job.begin + 1_000_000) / 4_000_000 : 1
    }

    private static func sleepingSince(_ job: Job, _ now: Int64) -> Int64? {
        let elapsed = now - job.begin
        return switch job.work {
        case .sleeping: job.begin
        case .computing: nil
        case .sleepingLater: elapsed < 1_000_000 ? nil : job.begin + 1_000_000
        case .alternating: elapsed % 4_000_000 < 3_000_000 ? now - elapsed % 4_000_000 : nil
        }
    }
}
