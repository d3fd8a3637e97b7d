// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The families of pools.
    static let pools: [MetricDescription] = [
        .pool(
            "loopwatch_pool_threads_limit",
            .gauge,
            help: "Most threads the pool may have; only of pools that can tell."
        ) {
            pool,
            _ in
            pool.size.map { .integer($0) }
        },
        .pool(
            "loopwatch_pool_queue_depth",
            .gauge,
            help: "Work items waiting for a thread of the pool; only of pools that can tell."
        ) { pool, _ in
            pool.depth.map { .integer($0) }
        },
        .pool(
            "loopwatch_pool_queue_wait_seconds",
            .histogram,
            unit: "seconds",
            help:
                "Time a work item waited for a thread of the pool: every one where the pool is accounted exactly, else a "
                + "probe, one observation per completed probe."
        ) { pool, _ in
            .histogram(pool.statistics.lag)
        },
        .pool(
            "loopwatch_pool_starved_seconds",
            .counter,
            unit: "seconds",
            help:
                "Total time the pool ran no new work item for at least the warning threshold, including the "
                + "elapsed part of a block still in progress."
        ) { pool, _ in
            .nanoseconds(pool.statistics.blockedNanoseconds)
        },
        .pool(
            "loopwatch_pool_block_duration_seconds",
            .histogram,
            unit: "seconds",
            help:
                "Duration of finished blocks, i.e. intervals in which the pool ran no new work item for at "
                + "least the warning threshold."
        ) { pool, _ in
            .histogram(pool.statistics.stallDuration)
        },
        .pool(
            "loopwatch_pool_blocks",
            .counter,
            by: bySeverity,
            help: "Finished blocks by highest severity reached; each block is counted once."
        ) { pool, index in
            .count(pool.statistics.stallsBySeverity.count(at: index))
        },
        .pool(
            "loopwatch_pool_block_causes",
            .counter,
            by: byCause,
            help: "Finished blocks by cause; each block is counted once."
        ) {
            pool,
            index in
            .count(pool.statistics.stallsByCause.count(at: index))
        },
        .pool(
            "loopwatch_pool_blocked",
            .gauge,
            help: "Whether the pool is blocked right now beyond the warning threshold (1) or not (0)."
        ) { pool, _ in
            .flag(pool.statistics.currentStallNanoseconds != nil)
        },
        .pool(
            "loopwatch_pool_block_age_seconds",
            .gauge,
            unit: "seconds",
            help: "Age of the block in progress, 0 when the pool is not blocked."
        ) { pool, _ in
            .nanoseconds(pool.statistics.currentStallNanoseconds ?? 0)
        },
        .pool(
            "loopwatch_pool_block_longest_seconds",
            .gauge,
            unit: "seconds",
            help:
                "Longest block seen since the pool was registered, including one in progress; never reset by a scrape."
        ) { pool, _ in
            .nanoseconds(pool.statistics.longestNanoseconds)
        },
        .pool(
            "loopwatch_pool_last_block_timestamp_seconds",
            .gauge,
            unit: "seconds",
            help: "Unix time at which the most recent block began, 0 if there was none."
        ) { pool, _ in
            .nanoseconds(pool.statistics.latestStallBeganUnixNanoseconds)
        },
        .pool(
            "loopwatch_pool_heartbeat_age_seconds",
            .gauge,
            unit: "seconds",
            help: "Time since the pool was last proved free, from the monotonic clock."
        ) { pool, _ in
            .nanoseconds(pool.statistics.heartbeatAgeNanoseconds)
        },
        .pool("loopwatch_pool_probes", .counter, help: "Probes handed to the pool.") { pool, _ in
            .count(pool.statistics.beats)
        },
        .pool(
            "loopwatch_pool_probes_skipped",
            .counter,
            help: "Probes not handed over because the previous one was still outstanding."
        ) { pool, _ in
            .count(pool.statistics.beatsSkipped)
        },
        .pool(
            "loopwatch_pool_congestions",
            .counter,
            help: "Finished intervals in which the pool was late because of very many short jobs, none of them long."
        ) { pool, _ in
            .count(pool.statistics.congestions)
        },
        .pool(
            "loopwatch_pool_congested_seconds",
            .counter,
            unit: "seconds",
            help: "Total time the pool has been congested, including a congestion still in progress."
        ) { pool, _ in
            .nanoseconds(pool.statistics.congestedNanoseconds)
        },
        .pool(
            "loopwatch_pool_threshold_seconds",
            .gauge,
            unit: "seconds",
            by: bySeverity,
            help: "Configured block threshold by severity."
        ) { pool, index in
            .nanoseconds(pool.statistics.thresholdsNanoseconds.count(at: index))
        },
    ]
}
