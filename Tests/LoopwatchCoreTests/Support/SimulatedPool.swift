// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// What accounting would tell of a pool that lives on paper.
struct SimulatedPool {
    /// What really happens.
    let schedule: SimulatedSchedule
    /// Threads of each priority.
    let width: Int
    /// From which length on a job is remembered after its end, in nanoseconds; `nil` forgets all.
    let longNanoseconds: Int64?
    private var enqueued: [Int]
    private var started: [Int]
    private var running: [[SimulatedJob]]
    private var observed: [JobIdentity: Int64] = [:]
    private var last: Int64 = -1

    /// Creates a pool.
    ///
    /// - Parameters:
    ///   - jobs: what it has to do.
    ///   - width: threads of each priority.
    ///   - taken: what else has its threads.
    ///   - longNanoseconds: from which length on a job is remembered after its end; `nil` forgets all.
    init(
        _ jobs: [SimulatedJob],
        width: Int = 2,
        taken: [SimulatedSchedule.Taken] = [],
        longNanoseconds: Int64? = 50_000_000
    ) {
        schedule = SimulatedSchedule(jobs, width: width, taken: taken)
        self.width = width
        self.longNanoseconds = longNanoseconds
        enqueued = schedule.lanes.map { _ in 0 }
        started = enqueued
        running = schedule.lanes.map { _ in [] }
    }

    /// What accounting tells at an instant; not before the one of the call before.
    mutating func read(at now: Int64) -> JobReading {
        var reading = JobReading(instant: MonotonicInstant(nanoseconds: now), lanes: [], running: [], ended: [])
        for lane in JobLane.allCases { read(lane, at: now, into: &reading) }
        last = now
        return reading
    }

    private mutating func read(_ lane: JobLane, at now: Int64, into reading: inout JobReading) {
        let jobs = schedule.lanes[lane.rawValue]
        var first: Int64?
        while enqueued[lane.rawValue] < jobs.count, jobs[enqueued[lane.rawValue]].enqueued <= now {
            first = first ?? jobs[enqueued[lane.rawValue]].enqueued
            enqueued[lane.rawValue] += 1
        }
        while started[lane.rawValue] < jobs.count, jobs[started[lane.rawValue]].began <= now {
            running[lane.rawValue].append(jobs[started[lane.rawValue]])
            started[lane.rawValue] += 1
        }
        let over = running[lane.rawValue].filter { $0.ended <= now }
        running[lane.rawValue].removeAll { $0.ended <= now }
        let count = started[lane.rawValue]
        reading.lanes.append(
            JobReading.Lane(
                enqueued: UInt64(enqueued[lane.rawValue]),
                started: UInt64(count),
                lastStart: count == 0 ? nil : MonotonicInstant(nanoseconds: jobs[count - 1].began),
                firstEnqueued: first.map { MonotonicInstant(nanoseconds: $0) }
            )
        )
        reading.running += running[lane.rawValue].map { job($0, within: $0.within(at: now)) }
        guard let longNanoseconds else { return }
        reading.ended += over.filter { $0.length >= longNanoseconds }.map {
            // What an actor's job was at is not known any more once it has ended.
            JobReading.Ended(job: job($0, within: nil), ended: MonotonicInstant(nanoseconds: $0.ended))
        }
    }

    /// How accounting calls a job.
    static func identity(of job: SimulatedJob) -> JobIdentity {
        JobIdentity(slot: UInt32(job.lane.rawValue * 100 + job.thread), startTicks: UInt64(job.began) + 1)
    }

    private func job(_ job: SimulatedJob, within: UInt64?) -> Job {
        let identity = Self.identity(of: job)
        return Job(
            identity: identity,
            thread: Int32(identity.slot) + 1_000,
            began: MonotonicInstant(nanoseconds: job.began),
            lane: job.lane,
            kind: job.kind,
            task: job.kind == .task ? identity.startTicks : nil,
            within: within
        )
    }

    /// What a look at the threads of some jobs tells.
    mutating func observe(_ jobs: [Job], at now: Int64) -> [JobIdentity: Observation] {
        var observations: [JobIdentity: Observation] = [:]
        for job in jobs {
            guard let simulated = running[job.lane.rawValue].first(where: { Self.identity(of: $0) == job.identity })
            else { continue }
            // The first look at a thread has nothing to compare its clocks with.
            let elapsed = observed[job.identity].map { now - $0 }
            observed[job.identity] = now
            var observation = Observation(
                instant: MonotonicInstant(nanoseconds: now),
                progress: .busy,
                thread: job.thread,
                computedNanoseconds: elapsed.map { simulated.work == .computing ? $0 : 0 },
                delayedNanoseconds: elapsed.map { simulated.work == .displaced ? $0 : 0 }
            )
            switch simulated.work {
            case .sleeping: observation.call = BlockingCall(name: "clock_nanosleep", isLock: false)
            case .locked: observation.call = BlockingCall(name: "futex", isLock: true)
            case .computing, .displaced: observation.isReady = true
            }
            observations[job.identity] = observation
        }
        return observations
    }
}
