// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Everything that can be set about a watch; the defaults suit a server in production.
public struct WatchConfiguration: Sendable {
    /// How closely busy targets are looked at (default 10 ms, lowest 1 ms).
    ///
    /// Where that would take the watchdog more than 0.5 % of a CPU, targets that are busy and answer are looked at less often: up
    /// to five times as far apart, and never more than two fifths of the warning threshold. A target that does not answer is
    /// looked at this closely in any case, and so is one that has a resolution of its own.
    public var resolution: Duration = .milliseconds(10)
    /// From which length on stalls are reported (default 100 ms, 1 s, 5 s).
    public var thresholds = Thresholds()
    /// Where the HTTP endpoint listens; `nil` for none.
    ///
    /// Default 127.0.0.1:9667.
    public var endpoint: EndpointAddress? = .standard
    /// Host names, beside addresses and `localhost`, by which the endpoint may be asked.
    public var allowedHosts: [String] = []
    /// Whether the endpoint may listen where other machines can reach it.
    ///
    /// It has no password: only behind something that has one.
    public var allowsRemoteAccess = false
    /// Where warnings go.
    ///
    /// Default: standard error.
    public var log: [LogDestination] = [.standardError]
    /// Stalls of one kind (target, cause) that are written at once before they are limited to one a second; what is
    /// not written is counted, and metrics count everything.
    ///
    /// Default 10.
    public var reportBurst = Limits.reportBurstDefault
    /// How far to go to learn what a blocked thread does (default: as far as possible without disturbing it).
    public var stackCapture = StackCapture.full
    /// The signal that captures threads which compute: SIGPROF by default, the only asynchronous one that Dispatch lets
    /// through to its threads.
    ///
    /// A handler that the host has for it is respected: such threads then have no stack.
    public var captureSignal: Int32 = 27
    /// Name of this process in metrics; empty for the name of its executable.
    public var processName = ""
    /// Whether Swift's global executor is watched from the start, as the pool `swift`.
    public var watchesGlobalExecutor = true
    /// How exactly that is accounted at best; what does not work is left alone, and the next best tried.
    public var poolAccounting = PoolAccounting.exact
    /// Most loops that can be registered.
    ///
    /// Default 64; highest 1,024.
    public var loopsLimit = Limits.loopsDefault
    /// Most pools that can be registered.
    ///
    /// Default 16; highest 64.
    public var poolsLimit = Limits.poolsDefault

    /// Creates the default configuration.
    public init() {}

    /// Checks every bound.
    ///
    /// - Throws: ``ConfigurationError`` for the first value that is not allowed.
    public func validate() throws(ConfigurationError) {
        try Self.validate(resolution: resolution, key: "resolution")
        try thresholds.validate(name: "thresholds")
        guard (1...Limits.loopsMaximum).contains(loopsLimit) else {
            throw ConfigurationError(
                key: "loopsLimit",
                value: "\(loopsLimit)",
                expected: "a number from 1 to \(Limits.loopsMaximum)"
            )
        }
        guard (1...Limits.poolsMaximum).contains(poolsLimit) else {
            throw ConfigurationError(
                key: "poolsLimit",
                value: "\(poolsLimit)",
                expected: "a number from 1 to \(Limits.poolsMaximum)"
            )
        }
        guard (1...Limits.reportBurstMaximum).contains(reportBurst) else {
            throw ConfigurationError(
                key: "reportBurst",
                value: "\(reportBurst)",
                expected: "a number from 1 to \(Limits.reportBurstMaximum)"
            )
        }
        guard Self.captureSignals.contains(captureSignal) else {
            throw ConfigurationError(
                key: "captureSignal",
                value: "\(captureSignal)",
                expected: Self.captureSignalsExpected
            )
        }
        guard processName.utf8.count <= Limits.processNameBytes else {
            throw ConfigurationError(
                key: "processName",
                value: processName,
                expected: "at most \(Limits.processNameBytes) bytes"
            )
        }
        if let endpoint, !endpoint.isLocal, !allowsRemoteAccess {
            throw ConfigurationError(
                key: "endpoint",
                value: "\(endpoint)",
                expected: "a loopback address or a Unix socket, unless allowsRemoteAccess is set"
            )
        }
        for case .file(let path) in log where path.isEmpty || path.utf8.contains(0) {
            throw ConfigurationError(key: "log", value: path, expected: "the path of a file")
        }
    }

    /// Signals that may capture: none that end or stop a process for good, tell of a fault, or belong to the C library.
    static let captureSignals: Set<Int32> = Set([10, 12, 16, 23, 26, 27, 28, 29]).union(34...64)
    static let captureSignalsExpected = "27 (SIGPROF), or the number of another signal that nothing else uses"

    /// Checks a resolution.
    public static func validate(resolution: Duration, key: String) throws(ConfigurationError) {
        let allowed = Limits.resolutionNanosecondsMinimum...Limits.resolutionNanosecondsMaximum
        guard allowed.contains(resolution.wholeNanoseconds) else {
            throw ConfigurationError(key: key, value: "\(resolution)", expected: "a duration from 1 ms to 10 s")
        }
    }
}
