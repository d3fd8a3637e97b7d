// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform
internal import Synchronization

/// Takes pictures of a watch, from any thread, without waiting for the watchdog.
final class SnapshotBuilder: Sendable {
    private struct Connected {
        var server: HTTPServer?
        var components: [ComponentSnapshot] = []
    }

    private let process: String
    private let configuration: WatchConfiguration
    private let registry: TargetRegistry
    private let reporter: Reporter
    private let profile: ProfileStore
    private let captures: CaptureCounts
    private let desk: ReportDesk
    private let health: WatchdogHealth
    private let jobs: JobPool?
    private let processes: WatchedProcesses
    private let connected = Mutex(Connected())

    init(
        process: String,
        configuration: WatchConfiguration,
        registry: TargetRegistry,
        reporter: Reporter,
        profile: ProfileStore,
        captures: CaptureCounts,
        desk: ReportDesk,
        health: WatchdogHealth,
        jobs: JobPool?,
        processes: WatchedProcesses
    ) {
        self.process = process
        self.configuration = configuration
        self.registry = registry
        self.reporter = reporter
        self.profile = profile
        self.captures = captures
        self.desk = desk
        self.health = health
        self.jobs = jobs
        self.processes = processes
    }

    /// Tells what was started, once it is known.
    func connect(server: HTTPServer?, components: [ComponentSnapshot]) {
        connected.withLock { $0 = Connected(server: server, components: components) }
    }

    /// Parts that were asked for, and whether each runs.
    var components: [ComponentSnapshot] {
        let isLogHealthy = reporter.isLogHealthy
        return connected.withLock { $0.components }.map { component in
            component.name == "log"
                ? ComponentSnapshot(name: "log", isUp: component.isUp && isLogHealthy) : component
        }
    }

    /// The metrics as Prometheus text, version 0.0.4.
    func metricsText() -> String {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(snapshot(), into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What beats and accounting counted of the same target, one after the other or together.
    private static func combined(
        _ beats: StallStatistics,
        _ accounted: StallStatistics,
        isBeaten: borrowing Atomic<Bool>
    ) -> StallStatistics {
        var statistics = beats
        statistics.add(accounted)
        statistics.lag.add(accounted.lag)
        // Accounting goes on all the time, and beats only where they are posted.
        if !isBeaten.load(ordering: .relaxed) { statistics.heartbeatAgeNanoseconds = 0 }
        return statistics
    }

    /// A picture of everything now.
    func snapshot() -> WatchSnapshot {
        let unix = Clock.unixNanoseconds()
        let listing = registry.listing
        let server = connected.withLock { $0.server }
        let (loops, pools) = targets(of: listing, at: Clock.now(), unixNanoseconds: unix)
        var reporting = reporter.snapshot
        reporting.droppedQueueFull += desk.dropped
        var capture = captures.snapshot
        profile.fill(&capture)
        let http = server?.statistics
        reporting.droppedSlowClient = UInt64(http?.slowStreamClients ?? 0)
        var result = WatchSnapshot(
            process: process,
            unixNanoseconds: unix,
            loops: loops,
            pools: pools,
            loopsLimit: configuration.loopsLimit,
            poolsLimit: configuration.poolsLimit,
            loopsRejected: listing.loopsRejected,
            poolsRejected: listing.poolsRejected,
            watchdog: health.snapshot,
            reporting: reporting,
            capture: capture,
            http: http.map { HTTPSnapshot($0) },
            host: HostStatistics.read(),
            components: components,
            build: BuildInformation(version: Loopwatch.version, swiftVersion: CompilerVersion.text)
        )
        result.processes = processes.snapshots
        return result
    }

    /// Pictures of the targets alone, for what is recorded again and again.
    func targets(at now: MonotonicInstant) -> (loops: [LoopSnapshot], pools: [PoolSnapshot]) {
        targets(of: registry.listing, at: now, unixNanoseconds: Clock.unixNanoseconds())
    }

    private func targets(
        of listing: TargetRegistry.Listing,
        at now: MonotonicInstant,
        unixNanoseconds unix: Int64
    ) -> (loops: [LoopSnapshot], pools: [PoolSnapshot]) {
        let interruptions = health.interruptions
        // What the watchdog has not told them, because it did not look.
        if let rest = health.rest {
            for watched in listing.loops + listing.pools { watched.rested(rest) }
        }
        func statistics(_ watched: WatchedTarget) -> (StallStatistics, Cause?, Int?) {
            watched.detector.withLock {
                let counted = $0.statistics(at: now, unixNanoseconds: unix, interruptions: interruptions)
                return (counted, $0.currentCause, $0.depth)
            }
        }
        let accounted = jobs?.snapshot(at: now, unixNanoseconds: unix, interruptions: interruptions)
        let loops = listing.loops.map { watched in
            if let remote = watched.target.remote { return LoopSnapshot(remote) }
            var (statistics, cause, _) = statistics(watched)
            if watched.target.jobRole == .mainActor, let accounted {
                if accounted.jobs.accounting.mode == .exact || accounted.jobs.accounting.mode == .runs {
                    cause = nil
                }
                statistics = Self.combined(statistics, accounted.main, isBeaten: watched.isBeaten)
            }
            return LoopSnapshot(name: watched.target.name, statistics: statistics, currentCause: cause)
        }
        let pools = listing.pools.map { watched in
            if let remote = watched.target.remote { return PoolSnapshot(remote) }
            var (statistics, cause, depth) = statistics(watched)
            var size = watched.size.load(ordering: .relaxed)
            var jobs: JobPoolSnapshot?
            var tellsDepth = watched.target.depth != nil
            if watched.target.jobRole == .pool, let accounted {
                jobs = accounted.jobs
                size = ProcessorCount.logical
                statistics = Self.combined(statistics, accounted.pool, isBeaten: watched.isBeaten)
                if accounted.jobs.accounting.mode == .exact, let counters = accounted.jobs.counters {
                    cause = accounted.cause
                    depth = counters.sum(.pool, \.waiting)
                    tellsDepth = true
                }
            }
            if let metered = watched.metered {
                let counted = metered.snapshot(at: now, unixNanoseconds: unix, interruptions: interruptions)
                jobs = counted.jobs
                statistics = counted.statistics.withThresholds(of: statistics)
                cause = counted.cause
                depth = metered.meter.counts.waiting
                tellsDepth = true
            }
            return PoolSnapshot(
                name: watched.target.name,
                statistics: statistics,
                depth: tellsDepth ? depth ?? 0 : nil,
                size: size < 0 ? nil : size,
                currentCause: cause,
                jobs: jobs
            )
        }
        return (loops, pools)
    }
}

extension LoopSnapshot {
    /// The picture of a loop in another process.
    fileprivate init(_ remote: RemoteTarget) {
        let state = remote.state
        self.init(name: remote.name, statistics: state.statistics, currentCause: state.cause, remote: remote.snapshot)
    }
}

extension PoolSnapshot {
    /// The picture of a pool in another process.
    fileprivate init(_ remote: RemoteTarget) {
        let state = remote.state
        self.init(
            name: remote.name,
            statistics: state.statistics,
            depth: state.depth,
            size: state.size,
            currentCause: state.cause,
            remote: remote.snapshot
        )
    }
}
