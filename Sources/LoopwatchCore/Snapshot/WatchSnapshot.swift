// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// An immutable picture of everything at one moment: the only thing that exposition sees.
public struct WatchSnapshot: Sendable {
    /// Name of the watched process, the `process` label.
    public var process: String
    /// Unix time of the snapshot, in nanoseconds.
    public var unixNanoseconds: Int64
    /// The loops, in the order of registration.
    public var loops: [LoopSnapshot]
    /// The pools, in the order of registration.
    public var pools: [PoolSnapshot]
    /// The other processes that are watched, in the order in which something was found of them.
    public var processes: [RemoteProcessSnapshot] = []
    /// The limits on both.
    public var loopsLimit: Int
    /// Most pools that will be registered.
    public var poolsLimit: Int
    /// Registrations of loops that were refused because of the limit.
    public var loopsRejected: UInt64
    /// Registrations of pools that were refused because of the limit.
    public var poolsRejected: UInt64
    /// The watchdog's own health.
    public var watchdog: WatchdogSnapshot
    /// What became of the reports.
    public var reporting: ReportingSnapshot
    /// What became of the attempts to take stacks.
    public var capture: CaptureSnapshot
    /// The endpoint; `nil` when it is switched off or could not start.
    public var http: HTTPSnapshot?
    /// The process that Loopwatch runs in.
    public var host: HostSnapshot
    /// Parts that were asked for, and whether each runs.
    public var components: [ComponentSnapshot]
    /// Version of Loopwatch.
    public var build: BuildInformation

    /// Creates a snapshot.
    public init(
        process: String,
        unixNanoseconds: Int64,
        loops: [LoopSnapshot],
        pools: [PoolSnapshot],
        loopsLimit: Int,
        poolsLimit: Int,
        loopsRejected: UInt64,
        poolsRejected: UInt64,
        watchdog: WatchdogSnapshot,
        reporting: ReportingSnapshot,
        capture: CaptureSnapshot = CaptureSnapshot(),
        http: HTTPSnapshot?,
        host: HostSnapshot,
        components: [ComponentSnapshot],
        build: BuildInformation
    ) {
        self.process = process
        self.unixNanoseconds = unixNanoseconds
        self.loops = loops
        self.pools = pools
        self.loopsLimit = loopsLimit
        self.poolsLimit = poolsLimit
        self.loopsRejected = loopsRejected
        self.poolsRejected = poolsRejected
        self.watchdog = watchdog
        self.reporting = reporting
        self.capture = capture
        self.http = http
        self.host = host
        self.components = components
        self.build = build
    }
}

/// One loop in a snapshot.
public struct LoopSnapshot: Sendable {
    /// The target's name, the `loop` label.
    public var name: String
    /// Its counters.
    public var statistics: StallStatistics
    /// Cause of the stall that goes on, if there is one.
    public var currentCause: Cause?
    /// What is to be known of a target in another process; `nil` in this one.
    public var remote: RemoteTargetSnapshot?

    /// Creates a loop's picture.
    public init(
        name: String,
        statistics: StallStatistics,
        currentCause: Cause? = nil,
        remote: RemoteTargetSnapshot? = nil
    ) {
        self.name = name
        self.remote = remote
        self.statistics = statistics
        self.currentCause = currentCause
    }
}

/// One pool in a snapshot.
public struct PoolSnapshot: Sendable {
    /// The target's name, the `pool` label.
    public var name: String
    /// Its counters; `lag` is the queue wait of the beats.
    public var statistics: StallStatistics
    /// Items that wait for a thread, where the pool can tell.
    public var depth: Int?
    /// Most threads the pool may have, where it can tell.
    public var size: Int?
    /// Cause of the stall that goes on, if there is one.
    public var currentCause: Cause?
    /// What accounting of its jobs tells; only of Swift's global executor.
    public var jobs: JobPoolSnapshot?
    /// What is to be known of a target in another process; `nil` in this one.
    public var remote: RemoteTargetSnapshot?

    /// Creates a pool's picture.
    public init(
        name: String,
        statistics: StallStatistics,
        depth: Int?,
        size: Int?,
        currentCause: Cause? = nil,
        jobs: JobPoolSnapshot? = nil,
        remote: RemoteTargetSnapshot? = nil
    ) {
        self.name = name
        self.remote = remote
        self.statistics = statistics
        self.jobs = jobs
        self.depth = depth
        self.size = size
        self.currentCause = currentCause
    }
}

/// The watchdog thread's own health: the noise floor of everything else.
public struct WatchdogSnapshot: Sendable {
    /// Times the thread woke up.
    public var wakeups: UInt64 = 0
    /// Wake-ups that were at least one resolution late.
    public var missedWakeups: UInt64 = 0
    /// How late the thread woke up.
    public var wakeupDelay = Histogram(edges: .lag)
    /// CPU time of the watchdog thread, in nanoseconds.
    public var cpuNanoseconds: Int64 = 0
    /// Time between looks at a target that is busy and answers, in nanoseconds.
    public var lookNanoseconds: Int64 = 0
    /// Times the whole process stood still (a stop signal, a suspended machine).
    public var suspensions: UInt64 = 0
    /// Time in which the whole process stood still, in nanoseconds.
    public var suspendedNanoseconds: Int64 = 0
    /// Times the machine left the watchdog waiting for a CPU.
    public var starvations: UInt64 = 0
    /// Time for which the machine left the watchdog waiting for a CPU, in nanoseconds.
    public var starvedNanoseconds: Int64 = 0

    /// Creates the picture of a watchdog that has not run yet.
    public init() {}
}

/// What became of the reports.
public struct ReportingSnapshot: Sendable {
    /// Stalls and congestions reported, by severity (`Severity.rawValue`), whether or not they were written; each report
    /// of a stall counts.
    public var warningsBySeverity: [UInt64] = [0, 0, 0]
    /// Reports that were not written because of the rate limit.
    public var suppressed: UInt64 = 0
    /// Warnings lost because the log writer's queue was full.
    public var droppedQueueFull: UInt64 = 0
    /// Warnings lost because writing them failed (a full disk, a closed pipe).
    public var droppedWriteFailed: UInt64 = 0
    /// Warnings lost to a follower over HTTP that was too slow.
    public var droppedSlowClient: UInt64 = 0

    /// Creates the picture of a watch that has reported nothing.
    public init() {}
}

/// The HTTP endpoint's counters.
public struct HTTPSnapshot: Sendable {
    /// Requests answered by handler and status code; both are enumerations chosen by the server.
    public struct RequestCount: Sendable {
        /// Name of the handler (`metrics`, `warnings`, ..., `other`).
        public var handler: String
        /// HTTP status code.
        public var code: Int
        /// How many.
        public var count: UInt64

        /// Creates a row.
        public init(handler: String, code: Int, count: UInt64) {
            self.handler = handler
            self.code = code
            self.count = count
        }
    }

    /// Requests answered.
    public var requests: [RequestCount]
    /// Connections open now.
    public var connections: Int
    /// Connections or requests refused before a handler ran, by reason, in a fixed order.
    public var rejected: [(reason: String, count: UInt64)]

    /// Creates the endpoint's picture.
    public init(requests: [RequestCount], connections: Int, rejected: [(reason: String, count: UInt64)]) {
        self.requests = requests
        self.connections = connections
        self.rejected = rejected
    }
}

/// The process that Loopwatch runs in, as the standard `process_*` metrics tell it; `nil` where the system does not say.
public struct HostSnapshot: Sendable {
    /// User and system CPU time, in nanoseconds.
    public var cpuNanoseconds: Int64?
    /// Open file descriptors.
    public var openDescriptors: Int?
    /// Most open file descriptors.
    public var descriptorsLimit: Int?
    /// Virtual memory, in bytes.
    public var virtualMemoryBytes: Int64?
    /// Resident memory, in bytes.
    public var residentMemoryBytes: Int64?
    /// Unix time at which the process started, in seconds.
    public var startUnixSeconds: Double?
    /// Operating system threads.
    public var threads: Int?

    /// Creates a picture in which nothing is known.
    public init() {}
}

/// A part of Loopwatch that was asked for, and whether it runs.
public struct ComponentSnapshot: Sendable {
    /// Name of the part (`http`, `log`, ...).
    public var name: String
    /// Whether it runs.
    public var isUp: Bool

    /// Creates a row.
    public init(name: String, isUp: Bool) {
        self.name = name
        self.isUp = isUp
    }
}

/// Version of Loopwatch and of what built it.
public struct BuildInformation: Sendable {
    /// Version of Loopwatch.
    public var version: String
    /// Version of the Swift compiler.
    public var swiftVersion: String

    /// Creates the information.
    public init(version: String, swiftVersion: String) {
        self.version = version
        self.swiftVersion = swiftVersion
    }
}
