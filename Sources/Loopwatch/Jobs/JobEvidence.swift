// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What is seen of the threads that jobs hold, from look to look.
///
/// Belongs to the watchdog's thread.
struct JobEvidence {
    private struct Record {
        var view: ThreadView
        var cpuNanoseconds: Int64
        var schedule: (delayNanoseconds: Int64, runs: Int64)?
    }

    private var records: [JobIdentity: Record] = [:]
    private var throttledNanoseconds: Int64?

    /// Looks at the threads of jobs; those that are not wanted any more are forgotten.
    ///
    /// A thread that has ended within its job is given up, so that it does not count as held for good.
    mutating func look(
        at jobs: [Job],
        _ context: inout LookContext,
        release: (Job) -> Void = JobReader.release
    ) -> [JobIdentity: Observation] {
        guard !jobs.isEmpty else {
            records = [:]
            throttledNanoseconds = nil
            return [:]
        }
        var throttled: Int64 = 0
        if let (now, baseline) = context.throttledNanoseconds() {
            throttled = max(0, now - (throttledNanoseconds ?? baseline))
            throttledNanoseconds = now
        }
        var observations: [JobIdentity: Observation] = [:]
        var kept: [JobIdentity: Record] = [:]
        for job in jobs {
            let known = records[job.identity]
            let view = known?.view ?? ThreadView(job.thread)
            guard let cpu = view.cpuNanoseconds() else {
                release(job)
                continue
            }
            let schedule = view.schedule()
            let call = view.call()
            var observation = Observation(instant: context.now, progress: .busy, thread: job.thread)
            if let known {
                observation.computedNanoseconds = max(0, cpu - known.cpuNanoseconds)
                if let schedule, let before = known.schedule {
                    observation.delayedNanoseconds = max(0, schedule.delayNanoseconds - before.delayNanoseconds)
                    observation.runs = max(0, schedule.runs - before.runs)
                }
            }
            observation.call = call?.blockingCall
            observation.isReady = call == .running
            observation.throttledNanoseconds = throttled
            observations[job.identity] = observation
            kept[job.identity] = Record(view: view, cpuNanoseconds: cpu, schedule: schedule)
        }
        records = kept
        return observations
    }
}
