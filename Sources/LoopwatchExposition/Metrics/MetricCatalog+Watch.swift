// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The families of Loopwatch itself.
    static let watch: [MetricDescription] = registry + watchdog + capture + reporting + endpoint + parts

    /// What is registered, and what was refused.
    private static let registry: [MetricDescription] = [
        .single("loopwatch_loops", .gauge, help: "Loops registered now.") { .integer($0.loops.count) },
        .single("loopwatch_loops_limit", .gauge, help: "Most loops that will be registered.") {
            .integer($0.loopsLimit)
        },
        .single("loopwatch_loops_rejected", .counter, help: "Loop registrations refused because of the limit.") {
            .count($0.loopsRejected)
        },
        .single("loopwatch_pools", .gauge, help: "Pools registered now.") { .integer($0.pools.count) },
        .single("loopwatch_pools_limit", .gauge, help: "Most pools that will be registered.") {
            .integer($0.poolsLimit)
        },
        .single("loopwatch_pools_rejected", .counter, help: "Pool registrations refused because of the limit.") {
            .count($0.poolsRejected)
        },
    ]

    /// The watchdog's own health.
    private static let watchdog: [MetricDescription] = [
        .single("loopwatch_watchdog_wakeups", .counter, help: "Times the watchdog thread woke up.") {
            .count($0.watchdog.wakeups)
        },
        .single(
            "loopwatch_watchdog_missed_wakeups",
            .counter,
            help: "Wake-ups of the watchdog that were at least one resolution late, so detection was blind meanwhile."
        ) { .count($0.watchdog.missedWakeups) },
        .single(
            "loopwatch_watchdog_wakeup_delay_seconds",
            .histogram,
            unit: "seconds",
            help: "How late the watchdog thread itself woke up; the noise floor of every other timing here."
        ) { .histogram($0.watchdog.wakeupDelay) },
        .single(
            "loopwatch_watchdog_cpu_seconds",
            .counter,
            unit: "seconds",
            help: "CPU time used by the watchdog thread."
        ) { .nanoseconds($0.watchdog.cpuNanoseconds) },
        .single(
            "loopwatch_watchdog_look_interval_seconds",
            .gauge,
            unit: "seconds",
            help:
                "Time between looks at a target that is busy and answers: the resolution, or more where that would take "
                + "the watchdog more than \(Limits.watchdogCPUShareMost * 100) % of a CPU."
        ) { .nanoseconds($0.watchdog.lookNanoseconds) },
        .labelled(
            "loopwatch_interruptions",
            .counter,
            labels: ["process", "cause"],
            bound: "processes<=\(Limits.remoteProcesses) + 2",
            help:
                "Times the whole process stood still (suspended) or the machine left the watchdog waiting for a "
                + "CPU (starved; only of the process that Loopwatch runs in)."
        ) { snapshot in
            [
                ([snapshot.process, "suspended"], .count(snapshot.watchdog.suspensions)),
                ([snapshot.process, "starved"], .count(snapshot.watchdog.starvations)),
            ] + snapshot.processes.map { ([$0.process.name, "suspended"], .count($0.suspensions)) }
        },
        .labelled(
            "loopwatch_interrupted_seconds",
            .counter,
            unit: "seconds",
            labels: ["process", "cause"],
            bound: "processes<=\(Limits.remoteProcesses) + 2",
            help: "Total time of interruptions of the whole process by cause; never counted as blocked time."
        ) { snapshot in
            [
                ([snapshot.process, "suspended"], .nanoseconds(snapshot.watchdog.suspendedNanoseconds)),
                ([snapshot.process, "starved"], .nanoseconds(snapshot.watchdog.starvedNanoseconds)),
            ] + snapshot.processes.map { ([$0.process.name, "suspended"], .nanoseconds($0.suspendedNanoseconds)) }
        },
    ]

    /// What became of the reports.
    private static let reporting: [MetricDescription] = [
        .labelled(
            "loopwatch_events_dropped",
            .counter,
            labels: ["reason"],
            bound: "3",
            help: "Events lost before they reached a consumer, by reason."
        ) {
            [
                (["queue_full"], .count($0.reporting.droppedQueueFull)),
                (["log_write"], .count($0.reporting.droppedWriteFailed)),
                (["slow_client"], .count($0.reporting.droppedSlowClient)),
            ]
        },
        .labelled(
            "loopwatch_warnings",
            .counter,
            labels: ["severity"],
            bound: "3",
            help: "Warnings raised, by severity, whether or not they were written."
        ) { snapshot in
            Severity.allCases.map { ([$0.label], .count(snapshot.reporting.warningsBySeverity.count(at: $0.rawValue))) }
        },
        .single(
            "loopwatch_warnings_suppressed",
            .counter,
            help: "Warnings raised but not written because of the rate limit."
        ) { .count($0.reporting.suppressed) },
    ]

    /// The HTTP endpoint.
    private static let endpoint: [MetricDescription] = [
        .labelled(
            "loopwatch_http_requests",
            .counter,
            labels: ["handler", "code"],
            bound: "handlers x codes, seen ones only",
            help: "HTTP requests answered, by handler and status code."
        ) { snapshot in
            (snapshot.http?.requests ?? []).map { ([$0.handler, String($0.code)], .count($0.count)) }
        },
        .single("loopwatch_http_connections", .gauge, help: "Open HTTP connections.") {
            $0.http.map { .integer($0.connections) }
        },
        .labelled(
            "loopwatch_http_connections_rejected",
            .counter,
            labels: ["reason"],
            bound: "reasons",
            help: "HTTP connections or requests refused before a handler ran, by reason."
        ) { snapshot in
            (snapshot.http?.rejected ?? []).map { ([$0.reason], .count($0.count)) }
        },
    ]

    /// The parts of Loopwatch and its version.
    private static let parts: [MetricDescription] = [
        .labelled(
            "loopwatch_component_up",
            .gauge,
            labels: ["component"],
            bound: "components",
            help: "Whether a part of Loopwatch that was asked for runs (1) or not (0)."
        ) { snapshot in
            snapshot.components.map { ([$0.name], .flag($0.isUp)) }
        },
        .labelled(
            "loopwatch_build",
            .info,
            labels: ["version", "swift_version"],
            bound: "1",
            help: "Version of Loopwatch and of the compiler that built it."
        ) {
            [([$0.build.version, $0.build.swiftVersion], .integer(1 as Int64))]
        },
    ]
}
