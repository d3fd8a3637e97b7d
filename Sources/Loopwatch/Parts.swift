// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition
internal import LoopwatchHTTP
internal import LoopwatchPlatform

/// The parts of a watch, put together: what runs, in which order it starts, and in which it stops.
final class Parts: Sendable {
    let registry: TargetRegistry
    let log: LogWriter?
    let server: HTTPServer?
    let profile: ProfileStore
    let ring: WarningRing
    let processes = WatchedProcesses()
    private let configuration: WatchConfiguration
    private let reporter: Reporter
    private let desk: ReportDesk
    private let health: WatchdogHealth
    private let watchdog: Watchdog?
    private let builder: SnapshotBuilder
    private let lifetime = WatchLifetime()
    private let jobs: JobPool?

    /// Starts every part that was asked for; one that cannot start is told and left out.
    init(configuration: WatchConfiguration) {
        let now = Clock.now()
        self.configuration = configuration
        var problems: [String] = []
        var components: [ComponentSnapshot] = []
        func started<Part>(_ name: String, _ start: () throws -> Part) -> Part? {
            do {
                let part = try start()
                components.append(ComponentSnapshot(name: name, isUp: true))
                return part
            } catch {
                problems.append("\(name) is not started: \(error)")
                components.append(ComponentSnapshot(name: name, isUp: false))
                return nil
            }
        }
        let name = configuration.processName.isEmpty ? ProcessEnvironment.executableName() : configuration.processName
        let ring = WarningRing()
        let profile = ProfileStore()
        let log =
            configuration.log.isEmpty
            ? nil
            : started("log") {
                let writer = try LogWriter(destinations: configuration.log)
                try writer.start()
                return writer
            }
        let jobs = configuration.watchesGlobalExecutor ? JobPool(best: configuration.poolAccounting) : nil
        self.jobs = jobs
        let health = WatchdogHealth(now: now)
        let wake = started("wake") { try WakeSignal() }
        let registry = TargetRegistry(configuration: configuration) { wake?.wake() }
        let followers = FollowerWake()
        let reporter = Reporter(
            process: name,
            ring: ring,
            log: log,
            budget: ReportBudget(burst: configuration.reportBurst),
            interruptionReportNanoseconds: configuration.thresholds.warning.wholeNanoseconds,
            published: { followers.wake() }
        )
        let captures = CaptureCounts()
        let policy = CapturePolicy(
            isAllowed: configuration.stackCapture != .off,
            isSignallingAllowed: configuration.stackCapture == .full,
            signal: configuration.captureSignal
        )
        let desk =
            started("reports") {
                try ReportDesk.started(
                    reporter: reporter,
                    captures: captures,
                    profile: profile,
                    policy: policy
                )
            } ?? ReportDesk.withoutThread(reporter: reporter, captures: captures, profile: profile)
        let builder = SnapshotBuilder(
            process: name,
            configuration: configuration,
            registry: registry,
            reporter: reporter,
            profile: profile,
            captures: captures,
            desk: desk,
            health: health,
            jobs: jobs,
            processes: processes
        )
        let responder = EndpointResponder(
            process: name,
            ring: ring,
            profile: profile,
            builder: builder,
            health: health,
            lifetime: lifetime
        )
        let server = configuration.endpoint.flatMap { address in
            started("http") {
                let server = try HTTPServer(
                    address: address,
                    allowedHosts: configuration.allowedHosts,
                    responder: responder
                )
                try server.start()
                return server
            }
        }
        followers.connect(server)
        watchdog = wake.flatMap { wake in
            started("watchdog") {
                let watchdog = Watchdog(
                    registry: registry,
                    desk: desk,
                    health: health,
                    policy: policy,
                    captures: captures,
                    wake: wake,
                    detection: DetectionPolicy(
                        resolutionNanoseconds: configuration.resolution.wholeNanoseconds,
                        thresholds: configuration.thresholds
                    ),
                    jobs: jobs.map { ($0, configuration) },
                    ownThreads: {
                        [log?.threadIdentifier, server?.threadIdentifier].compactMap { $0 } + desk.threadIdentifiers
                    }
                )
                try watchdog.start()
                return watchdog
            }
        }
        builder.connect(server: server, components: components.filter { $0.name != "wake" })
        self.registry = registry
        self.log = log
        self.server = server
        self.profile = profile
        self.ring = ring
        self.reporter = reporter
        self.desk = desk
        self.health = health
        self.builder = builder
        if let server, configuration.log.contains(where: \.takesNotes) {
            reporter.note("watching \(name); \(server.boundAddress.text)")
        }
        for problem in problems { note(problem) }
    }

    /// Adds a target, or says why not.
    func add(_ target: WatchTarget) -> TargetRegistration {
        guard !lifetime.isStopping else {
            let problem = TargetError(description: "target '\(target.name)' is not watched: the watch has stopped.")
            return TargetRegistration(name: target.name, problem: problem, watched: nil, registry: registry)
        }
        switch registry.add(target, now: Clock.now()) {
        case .success(let watched):
            return TargetRegistration(name: target.name, problem: nil, watched: watched, registry: registry)
        case .failure(let problem):
            note(problem.description)
            return TargetRegistration(name: target.name, problem: problem, watched: nil, registry: registry)
        }
    }

    /// Watches Swift's global executor: by accounting; where that does not work, by beats at its default priority, and at
    /// each other one once the process uses it.
    func watchGlobalExecutor() {
        _ = add(.accountedExecutor())
        watchdog?.watchPrioritiesInUse { priority in
            _ = self.add(.globalExecutor(priority.target, priority: priority.priority))
        }
    }

    /// Reports what was found of a target in another process.
    func report(_ draft: ReportDraft, of remote: RemoteTarget, finding: RemoteFinding) {
        guard let watched = registry.target(of: remote) else { return }
        desk.report(draft, of: watched, now: Clock.now(), finding: finding)
    }

    /// Reports that another process was stopped.
    func report(_ interruption: Interruption, of process: RemoteProcessName) {
        desk.interrupted(interruption, of: process, nanoseconds: interruption.nanoseconds, now: Clock.now())
    }

    /// Has everything looked at now, and calls back once all that came of it has been reported; at once where nothing looks.
    func flush(_ done: @escaping @Sendable () -> Void) {
        if let watchdog { watchdog.flush(done) } else { done() }
    }

    /// A picture of everything now.
    func snapshot() -> WatchSnapshot { builder.snapshot() }

    /// The metrics as text.
    func metrics() -> String { builder.metricsText() }

    /// Stops every part, in the reverse order of starting; later calls do nothing.
    func stop() {
        guard lifetime.stop() else { return }
        watchdog?.stop()
        desk.stop()
        if let server {
            // Followers read the last warnings and the end before the server goes.
            server.wakeStreams()
            server.stop()
        }
        log?.stop()
        RunningWatches.remove(self)
    }

    /// Says something about Loopwatch itself; to standard error when there is no log, so that nothing is lost.
    func note(_ text: String) {
        if let log {
            log.note(text)
        } else {
            LineOutput.writeToStandardError(LineOutput.note(text))
        }
    }
}
