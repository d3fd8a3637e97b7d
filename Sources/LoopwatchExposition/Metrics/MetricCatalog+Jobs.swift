// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The families of a pool the jobs of which are accounted: Swift's global executor, and pools that the host has metered,
    /// which have no priorities.
    static let jobs: [MetricDescription] = accounting + threads + work + holds

    private static let byPriority = (label: "priority", values: JobLane.ofPool.map(\.label))
    private static let byKind = (label: "kind", values: JobKind.allCases.map(\.label))

    /// How exactly all else is known.
    private static let accounting: [MetricDescription] = [
        .pool(
            "loopwatch_pool_accounting",
            .gauge,
            by: (label: "accounting", values: PoolAccounting.allCases.map(\.label)),
            help:
                "How the pool is accounted, 1 for the way in use: exact (every job), runs (every run, and waits of some), "
                + "enqueues (only how many) or beats (sampled)."
        ) { pool, index in
            pool.jobs.map { .flag(PoolAccounting.allCases[index] == $0.accounting.mode) }
        },
        .pool(
            "loopwatch_pool_unstamped_jobs",
            .counter,
            help: "Jobs that ran though they were not seen to be enqueued: timers, and what waited at the start."
        ) { pool, _ in
            pool.jobs?.runs.map { .count($0.unstamped) }
        },
        .pool(
            "loopwatch_pool_untracked_jobs",
            .counter,
            help: "Times a job was enqueued or ran unseen, because too many threads had a slot."
        ) { pool, _ in
            pool.jobs?.counters.map { .count($0.untracked) }
        },
        .pool(
            "loopwatch_pool_lost_holds",
            .counter,
            help: "Long jobs that ended and were forgotten before the watchdog, which was late, read of them."
        ) { pool, _ in
            pool.jobs.map { .count($0.lost) }
        },
    ]

    /// What its threads do.
    private static let threads: [MetricDescription] = [
        .pool(
            "loopwatch_pool_threads_busy",
            .gauge,
            help: "Threads of the pool that are running a work item; threads_limit is for each priority."
        ) { pool, _ in
            pool.jobs?.runs.map { .integer($0.sum(.pool, \.running)) }
        },
        .pool("loopwatch_pool_threads_held", .gauge, help: "Threads that one work item has held beyond the threshold.")
        {
            pool,
            _ in
            pool.jobs.map { .integer($0.held) }
        },
        .pool(
            "loopwatch_pool_busy_seconds",
            .counter,
            unit: "seconds",
            help: "Total time the pool's threads ran work items, including those that run; its rate is busy threads."
        ) { pool, _ in
            pool.jobs?.runs.map { .nanoseconds($0.sum(.pool, \.busyNanoseconds)) }
        },
    ]

    /// What work it has.
    private static let work: [MetricDescription] = [
        .pool(
            "loopwatch_pool_jobs",
            .counter,
            by: byPriority,
            help:
                "Work items that have begun to run, by the priority at which they waited; where only enqueues are "
                + "accounted, those that were handed over."
        ) { pool, index in
            pool.jobs?.jobs(index).map { .count($0) }
        },
        .pool(
            "loopwatch_pool_jobs_waiting",
            .gauge,
            by: byPriority,
            help: "Work items waiting for a thread, by priority: each has a queue of its own."
        ) { pool, index in
            pool.jobs?.lane(index).map { .integer($0.waiting) }
        },
        .pool(
            "loopwatch_pool_job_kinds",
            .counter,
            by: byKind,
            help: "Work items that have begun to run by kind, those of the main actor included."
        ) { pool, index in
            pool.jobs.flatMap { $0.isOfSwift ? $0.runs : nil }.map { .count($0.kinds.count(at: index)) }
        },
        .pool(
            "loopwatch_pool_queue_depth_max",
            .gauge,
            help: "Most work items that were seen waiting since the start; never reset by a scrape."
        ) { pool, _ in
            pool.jobs.flatMap { jobs in jobs.runs.map { _ in .integer(jobs.depthMaximum) } }
        },
        .pool(
            "loopwatch_pool_queued_seconds",
            .counter,
            unit: "seconds",
            help:
                "Total time work items have waited for a thread, including those that wait; its rate is the average "
                + "queue depth, so that no peak between two scrapes is lost."
        ) { pool, _ in
            pool.jobs?.runs.map { .nanoseconds($0.sum(.pool, \.queuedNanoseconds)) }
        },
        .pool(
            "loopwatch_pool_run_seconds",
            .histogram,
            unit: "seconds",
            help: "Time a work item ran until it ended or suspended."
        ) { pool, _ in
            pool.jobs?.runs.map { .histogram($0.runs[JobGroup.pool.rawValue]) }
        },
    ]

    /// Work items that hold a thread for too long.
    private static let holds: [MetricDescription] = [
        .pool(
            "loopwatch_pool_holds",
            .counter,
            by: bySeverity,
            help: "Work items that held a thread beyond the threshold and have ended, by severity."
        ) { pool, index in
            pool.jobs.map { .count($0.holds.stallsBySeverity.count(at: index)) }
        },
        .pool(
            "loopwatch_pool_hold_causes",
            .counter,
            by: byCause,
            help: "The same by cause; each is counted once."
        ) { pool, index in
            pool.jobs.map { .count($0.holds.stallsByCause.count(at: index)) }
        },
        .pool(
            "loopwatch_pool_hold_duration_seconds",
            .histogram,
            unit: "seconds",
            help: "How long work items held a thread that held it beyond the threshold and have ended."
        ) { pool, _ in
            pool.jobs.map { .histogram($0.holds.stallDuration) }
        },
        .pool(
            "loopwatch_pool_held_seconds",
            .counter,
            unit: "seconds",
            help: "Total time work items have held threads beyond the threshold, including those that still do."
        ) { pool, _ in
            pool.jobs.map { .nanoseconds($0.holds.blockedNanoseconds) }
        },
        .pool(
            "loopwatch_pool_hold_age_seconds",
            .gauge,
            unit: "seconds",
            help: "Age of the longest hold in progress, 0 when no thread is held beyond the threshold."
        ) { pool, _ in
            pool.jobs.map { .nanoseconds($0.holds.currentStallNanoseconds ?? 0) }
        },
    ]
}

extension JobPoolSnapshot {
    /// A priority's counters, of those of the pool; a metered pool has only the first.
    fileprivate func lane(_ index: Int) -> JobCountersReading.Lane? {
        guard isOfSwift || index == 0 else { return nil }
        return runs.map { $0.lanes[JobLane.ofPool[index].rawValue] }
    }

    /// How many jobs of a priority there were.
    fileprivate func jobs(_ index: Int) -> UInt64? { isOfSwift || index == 0 ? jobs(JobLane.ofPool[index]) : nil }
}
