// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The families of loops.
    static let loops: [MetricDescription] = [
        .loop(
            "loopwatch_loop_lag_seconds",
            .histogram,
            unit: "seconds",
            help:
                "Delay between the due time of a probe and the moment the loop ran it; one observation per "
                + "completed probe."
        ) { loop, _ in
            .histogram(loop.statistics.lag)
        },
        .loop(
            "loopwatch_loop_block_duration_seconds",
            .histogram,
            unit: "seconds",
            help:
                "Duration of finished blocks, i.e. intervals in which the loop ran nothing for at least the "
                + "warning threshold."
        ) { loop, _ in
            .histogram(loop.statistics.stallDuration)
        },
        .loop(
            "loopwatch_loop_blocked_seconds",
            .counter,
            unit: "seconds",
            help: "Total time the loop has been blocked, including the elapsed part of a block still in progress."
        ) { loop, _ in
            .nanoseconds(loop.statistics.blockedNanoseconds)
        },
        .loop(
            "loopwatch_loop_blocks",
            .counter,
            by: bySeverity,
            help: "Finished blocks by highest severity reached; each block is counted once."
        ) { loop, index in
            .count(loop.statistics.stallsBySeverity.count(at: index))
        },
        .loop(
            "loopwatch_loop_block_causes",
            .counter,
            by: byCause,
            help: "Finished blocks by cause; each block is counted once."
        ) {
            loop,
            index in
            .count(loop.statistics.stallsByCause.count(at: index))
        },
        .loop(
            "loopwatch_loop_block_cause_seconds",
            .counter,
            unit: "seconds",
            by: byCause,
            help: "Blocked time of finished blocks by cause."
        ) { loop, index in
            .nanoseconds(loop.statistics.stallNanosecondsByCause.count(at: index))
        },
        .loop(
            "loopwatch_loop_blocked",
            .gauge,
            help: "Whether the loop is blocked right now beyond the warning threshold (1) or not (0)."
        ) { loop, _ in
            .flag(loop.statistics.currentStallNanoseconds != nil)
        },
        .loop(
            "loopwatch_loop_block_age_seconds",
            .gauge,
            unit: "seconds",
            help: "Age of the block in progress, 0 when the loop is not blocked."
        ) { loop, _ in
            .nanoseconds(loop.statistics.currentStallNanoseconds ?? 0)
        },
        .loop(
            "loopwatch_loop_block_longest_seconds",
            .gauge,
            unit: "seconds",
            help:
                "Longest block seen since the loop was registered, including one in progress; never reset by a scrape."
        ) { loop, _ in
            .nanoseconds(loop.statistics.longestNanoseconds)
        },
        .loop(
            "loopwatch_loop_last_block_timestamp_seconds",
            .gauge,
            unit: "seconds",
            help: "Unix time at which the most recent block began, 0 if there was none."
        ) { loop, _ in
            .nanoseconds(loop.statistics.latestStallBeganUnixNanoseconds)
        },
        .loop(
            "loopwatch_loop_heartbeat_age_seconds",
            .gauge,
            unit: "seconds",
            help: "Time since the loop was last proved free, from the monotonic clock."
        ) { loop, _ in
            .nanoseconds(loop.statistics.heartbeatAgeNanoseconds)
        },
        .loop("loopwatch_loop_probes", .counter, help: "Probes handed to the loop.") { loop, _ in
            .count(loop.statistics.beats)
        },
        .loop(
            "loopwatch_loop_probes_skipped",
            .counter,
            help: "Probes not handed over because the previous one was still outstanding."
        ) { loop, _ in
            .count(loop.statistics.beatsSkipped)
        },
        .loop(
            "loopwatch_loop_park_checks",
            .counter,
            help: "Times the loop was proved to wait for work, so that it needed no probe."
        ) { loop, _ in
            .count(loop.statistics.parkChecks)
        },
        .remoteLoop(
            "loopwatch_loop_busy_unproven",
            .counter,
            help:
                "Times the loop was busy beyond the warning threshold without a proof that one job held it; they are not "
                + "among the blocks."
        ) { .count($0.statistics.unprovenStretches) },
        .remoteLoop(
            "loopwatch_loop_busy_unproven_seconds",
            .counter,
            unit: "seconds",
            help: "Length of the stretches in which the loop was busy and it is not proved that one job held it."
        ) { .nanoseconds($0.statistics.unprovenNanoseconds) },
        .remoteLoop(
            "loopwatch_loop_edges_lost",
            .counter,
            help: "Times the kernel lost what it recorded of the loop's waits, so that an iteration is not known."
        ) { .count($0.statistics.edgesLost) },
        .loop(
            "loopwatch_loop_congestions",
            .counter,
            help: "Finished intervals in which the loop was late because of very many short jobs, none of them long."
        ) { loop, _ in
            .count(loop.statistics.congestions)
        },
        .loop(
            "loopwatch_loop_congested_seconds",
            .counter,
            unit: "seconds",
            help: "Total time the loop has been congested, including a congestion still in progress."
        ) { loop, _ in
            .nanoseconds(loop.statistics.congestedNanoseconds)
        },
        .loop(
            "loopwatch_loop_threshold_seconds",
            .gauge,
            unit: "seconds",
            by: bySeverity,
            help: "Configured block threshold by severity."
        ) { loop, index in
            .nanoseconds(loop.statistics.thresholdsNanoseconds.count(at: index))
        },
    ]
}
