// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension MetricCatalog {
    /// The standard families of the process that Loopwatch runs in.
    static let process: [MetricDescription] = [
        .single(
            "process_cpu_seconds",
            .counter,
            unit: "seconds",
            help: "Total user and system CPU time spent in seconds."
        ) {
            $0.host.cpuNanoseconds.map { .nanoseconds($0) }
        },
        .single("process_open_fds", .gauge, help: "Number of open file descriptors.") {
            $0.host.openDescriptors.map { .integer($0) }
        },
        .single("process_max_fds", .gauge, help: "Maximum number of open file descriptors.") {
            $0.host.descriptorsLimit.map { .integer($0) }
        },
        .single("process_virtual_memory_bytes", .gauge, unit: "bytes", help: "Virtual memory size in bytes.") {
            $0.host.virtualMemoryBytes.map { .integer($0) }
        },
        .single("process_resident_memory_bytes", .gauge, unit: "bytes", help: "Resident memory size in bytes.") {
            $0.host.residentMemoryBytes.map { .integer($0) }
        },
        .single(
            "process_start_time_seconds",
            .gauge,
            unit: "seconds",
            help: "Start time of the process since unix epoch in seconds."
        ) {
            $0.host.startUnixSeconds.map { .number($0) }
        },
        .single("process_threads", .gauge, help: "Number of OS threads in the process.") {
            $0.host.threads.map { .integer($0) }
        },
    ]
}
