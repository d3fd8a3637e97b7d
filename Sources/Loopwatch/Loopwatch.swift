// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

@_exported public import LoopwatchCore
internal import LoopwatchHTTP
internal import LoopwatchPlatform
internal import Synchronization

/// Watches the event loops and thread pools of this process, and says while it happens when one of them is blocked.
///
/// ```swift
/// let watch = try Loopwatch.start()
/// watch.add(.loop("http-0") { eventLoop.execute($0) })
/// ```
///
/// The watch runs on threads of its own and shares nothing with what it watches. It goes on until ``stop()``, also when
/// nothing refers to it any more. All functions are safe from any thread; none of them waits for a watched target.
public final class Loopwatch: Sendable {
    /// The version of Loopwatch.
    public static let version = "0.1.0"

    private let configuration: WatchConfiguration
    let parts: Parts

    private init(configuration: WatchConfiguration, parts: Parts) {
        self.configuration = configuration
        self.parts = parts
    }

    // MARK: Starting and stopping

    /// Starts a watch with the default configuration, changed by `LOOPWATCH_...` environment variables.
    ///
    /// - Throws: ``ConfigurationError`` that names the variable, its value and what is allowed.
    public static func start() throws(ConfigurationError) -> Loopwatch {
        try start(WatchConfiguration(environment: ProcessEnvironment.variables()))
    }

    /// Starts a watch.
    ///
    /// A part that cannot be started, such as the endpoint when its port is taken, is told once in the log and by the
    /// metric `loopwatch_component_up`; the host and the other parts go on.
    ///
    /// - Parameter configuration: what to do; environment variables are not read.
    /// - Throws: ``ConfigurationError`` for a value that is not allowed.
    public static func start(_ configuration: WatchConfiguration) throws(ConfigurationError) -> Loopwatch {
        try configuration.validate()
        let parts = Parts(configuration: configuration)
        let watch = Loopwatch(configuration: configuration, parts: parts)
        RunningWatches.add(parts)
        if configuration.watchesGlobalExecutor { parts.watchGlobalExecutor() }
        return watch
    }

    /// Stops watching: ends every thread, closes every descriptor.
    ///
    /// Later calls do nothing.
    ///
    /// Takes as long as what is still to be logged, at most some seconds.
    public func stop() { parts.stop() }

    /// Runs until the task is cancelled, then stops and returns.
    ///
    /// A service group asks before it cancels, so a `Service` of swift-service-lifecycle runs
    /// `try await cancelWhenGracefulShutdown { try await watch.run() }`.
    public func run() async throws {
        let forever = AsyncStream<Never> { _ in }
        for await _ in forever {}
        stop()
    }

    // MARK: Targets

    /// Adds a target.
    ///
    /// A target that cannot be added (its name is taken, a limit is reached) is told in the log and by the returned
    /// registration's ``TargetRegistration/problem``; the host goes on.
    @discardableResult
    public func add(_ target: WatchTarget) -> TargetRegistration { parts.add(target) }

    // MARK: Looking

    /// Where the endpoint listens, with the real port; `nil` when there is none.
    public var endpointAddress: EndpointAddress? { parts.server?.boundAddress }

    /// The metrics as Prometheus text (version 0.0.4), for a host that has a `/metrics` of its own.
    public func metrics() -> String { parts.metrics() }

    /// A picture of everything now.
    public func snapshot() -> WatchSnapshot { parts.snapshot() }

    /// Opens log files again, after log rotation has renamed them; they are also checked before each line.
    public func reopenLogs() { parts.log?.reopen() }
}
