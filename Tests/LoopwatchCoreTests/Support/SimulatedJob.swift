// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// A job of a pool that lives on paper.
struct SimulatedJob {
    /// What it does.
    enum Work {
        /// It sleeps in one system call.
        case sleeping
        /// It computes.
        case computing
        /// It waits for a lock.
        case locked
        /// It is ready to run, and something else has the CPU.
        case displaced
    }

    /// When it is handed over.
    var enqueued: Int64
    /// How long it holds its thread.
    var length: Int64
    /// Where it waits.
    var lane = JobLane.medium
    /// What kind it is.
    var kind = JobKind.task
    /// What it does.
    var work = Work.sleeping
    /// For an actor's: how long each task takes that it runs, one after another; the last goes on to the end.
    var tasks: [Int64] = []

    // What comes of it.

    /// When it begins.
    fileprivate(set) var began: Int64 = .max
    /// When it ends.
    fileprivate(set) var ended: Int64 = .max
    /// Its thread, from 0 in each lane.
    fileprivate(set) var thread = -1

    /// A job, in milliseconds.
    init(
        _ enqueued: Double,
        length: Double,
        lane: JobLane = .medium,
        kind: JobKind = .task,
        work: Work = .sleeping,
        tasks: [Double] = []
    ) {
        self.enqueued = .milliseconds(enqueued)
        self.length = .milliseconds(length)
        self.lane = lane
        self.kind = kind
        self.work = work
        self.tasks = tasks.map { .milliseconds($0) }
    }

    /// Tells what an actor's job is at; `nil` where that is not told.
    func within(at now: Int64) -> UInt64? {
        guard !tasks.isEmpty else { return nil }
        var end = began
        for (index, length) in tasks.enumerated() {
            end += length
            if now < end { return UInt64(index + 1) }
        }
        return UInt64(tasks.count)
    }
}

/// Where the jobs of a simulated pool run, worked out beforehand: each lane has a queue and threads of its own, as each
/// priority has on Linux.
struct SimulatedSchedule {
    /// Threads that something else has for a time.
    struct Taken {
        /// Of which lane.
        var lane: JobLane
        /// When.
        var time: Range<Int64>
        /// How many.
        var threads: Int
    }

    /// A time in which no job of a lane began though some waited.
    struct Wait {
        /// When the job that began at its end was the oldest that waited, and none had begun since.
        var began: Int64
        /// When it began.
        var ended: Int64
        /// When that job was handed over.
        var enqueued: Int64
        /// Whether jobs held all threads until the end.
        var isStarvation: Bool

        /// Its length in nanoseconds.
        var length: Int64 { ended - began }
    }

    /// The jobs by lane (`JobLane.rawValue`), in the order in which they begin.
    private(set) var lanes: [[SimulatedJob]]
    /// What each lane waited for.
    private(set) var waits: [[Wait]]

    /// Works out when each job runs.
    init(_ jobs: [SimulatedJob], width: Int, taken: [Taken] = []) {
        lanes = JobLane.allCases.map { lane in jobs.filter { $0.lane == lane }.sorted { $0.enqueued < $1.enqueued } }
        waits = lanes.map { _ in [] }
        for lane in JobLane.allCases {
            schedule(lane, threads: lane == .main ? 1 : width, taken: taken.filter { $0.lane == lane })
        }
    }

    private mutating func schedule(_ lane: JobLane, threads: Int, taken: [Taken]) {
        var free = [Int64](repeating: 0, count: threads)
        var last: Int64 = 0
        for index in lanes[lane.rawValue].indices {
            var job = lanes[lane.rawValue][index]
            // Not before its time, nor before one that came earlier, nor while all threads are in use.
            var instant = max(job.enqueued, last)
            func others(_ instant: Int64) -> Int {
                taken.reduce(0) { $0 + ($1.time.contains(instant) ? $1.threads : 0) }
            }
            let changes = (free + taken.flatMap { [$0.time.lowerBound, $0.time.upperBound] }).sorted()
            var isHeld = false
            while free.count(where: { $0 > instant }) + others(instant) >= threads {
                isHeld = free.count { $0 > instant } >= threads
                instant = changes.first { $0 > instant } ?? instant
            }
            let thread = free.firstIndex { $0 <= instant } ?? 0
            (job.began, job.ended, job.thread) = (instant, instant + job.length, thread)
            let since = max(job.enqueued, last)
            if instant > since {
                waits[lane.rawValue].append(
                    Wait(began: since, ended: instant, enqueued: job.enqueued, isStarvation: isHeld)
                )
            }
            free[thread] = job.ended
            last = instant
            lanes[lane.rawValue][index] = job
        }
    }

    /// All jobs.
    var jobs: [SimulatedJob] { lanes.flatMap { $0 } }
}
