// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The families of other processes as a whole: what watching them has done to them.
    static let processes: [MetricDescription] = [
        .watchedProcess(
            "loopwatch_thread_stop_seconds",
            .histogram,
            unit: "seconds",
            by: (label: "reason", values: RemoteProcessSnapshot.StopReason.allCases.map(\.label)),
            help:
                "Time for which a thread of a watched process was held by ptrace at most, by reason: stack (its registers "
                + "and a piece of its stack were copied) or wait (its next wait was awaited, where nothing cheaper is "
                + "allowed)."
        ) { process, index in
            .histogram(process.stops(for: RemoteProcessSnapshot.StopReason.allCases[index]))
        },
        .watchedProcess(
            "loopwatch_thread_stop_calls",
            .counter,
            by: (label: "outcome", values: ["restarted", "interrupted"]),
            help:
                "System calls of a watched process that such a stop cut short, by outcome: restarted (begun again, unseen "
                + "by the program) or interrupted (failed with EINTR)."
        ) { process, index in
            .count(index == 0 ? process.callsRestarted : process.callsInterrupted)
        },
        .labelled(
            "loopwatch_process_look_interval_seconds",
            .gauge,
            unit: "seconds",
            labels: ["process"],
            bound: "processes<=\(Limits.remoteProcesses)",
            help:
                "Time between looks at loops of a watched process that are in their wait, where each wait is not timed; more "
                + "where looks would take more than \((Limits.remoteCPUShareMost * 1_000).rounded() / 10) % of a CPU."
        ) { $0.processes.map { ([$0.process.name], .nanoseconds($0.lookNanoseconds)) } },
    ]
}
