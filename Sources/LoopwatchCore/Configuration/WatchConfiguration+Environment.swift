// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension WatchConfiguration {
    /// The environment variables that are understood, with what each expects.
    public static let environmentVariables: [(name: String, expected: String)] = [
        ("LOOPWATCH_RESOLUTION", "a duration from 1ms to 10s, such as 10ms"),
        ("LOOPWATCH_THRESHOLD", "a duration from 5ms to 1d, such as 100ms"),
        ("LOOPWATCH_ERROR_THRESHOLD", "a duration not below the threshold, such as 1s"),
        ("LOOPWATCH_CRITICAL_THRESHOLD", "a duration not below the error threshold, such as 5s"),
        ("LOOPWATCH_LISTEN", "ADDRESS:PORT such as 127.0.0.1:9667, unix:/PATH, or off"),
        ("LOOPWATCH_ALLOW_REMOTE", "true or false"),
        ("LOOPWATCH_ALLOWED_HOSTS", "host names separated by commas"),
        ("LOOPWATCH_LOG", "stderr, off, or the path of a file that starts with / or ."),
        ("LOOPWATCH_STACKS", "off, passive or full"),
        ("LOOPWATCH_CAPTURE_SIGNAL", Self.captureSignalsExpected),
        ("LOOPWATCH_REPORT_BURST", "a number from 1 to \(Limits.reportBurstMaximum)"),
        ("LOOPWATCH_PROCESS_NAME", "a name of at most \(Limits.processNameBytes) bytes"),
        ("LOOPWATCH_GLOBAL_EXECUTOR", "true or false"),
        ("LOOPWATCH_ACCOUNTING", "exact, runs, enqueues or off"),
        ("LOOPWATCH_LOOPS_LIMIT", "a number from 1 to \(Limits.loopsMaximum)"),
        ("LOOPWATCH_POOLS_LIMIT", "a number from 1 to \(Limits.poolsMaximum)"),
    ]

    /// Creates a configuration from environment variables, on top of a given one.
    ///
    /// - Parameters:
    ///   - environment: all variables; those that do not start with `LOOPWATCH_` are passed over.
    ///   - base: what holds for variables that are not set.
    /// - Throws: ``ConfigurationError`` that names the variable, its value and what is allowed; also for a `LOOPWATCH_`
    ///   variable that does not exist, because a misspelt one would be silently without effect.
    public init(environment: [String: String], base: WatchConfiguration = .init()) throws(ConfigurationError) {
        self = base
        let known = Set(Self.environmentVariables.map(\.name))
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("LOOPWATCH_") {
            guard known.contains(name) else {
                throw ConfigurationError(
                    key: name,
                    value: value,
                    expected: "one of " + Self.environmentVariables.map(\.name).joined(separator: ", ")
                )
            }
        }
        func parse<Value>(_ name: String, _ parser: (String) -> Value?) throws(ConfigurationError) -> Value? {
            guard let text = environment[name] else { return nil }
            guard let value = parser(text) else {
                let expected = Self.environmentVariables.first { $0.name == name }?.expected ?? ""
                throw ConfigurationError(key: name, value: text, expected: expected)
            }
            return value
        }
        func within(_ range: ClosedRange<Int64>) -> (String) -> Duration? {
            { text in
                guard let duration = DurationText.parse(text), range.contains(duration.wholeNanoseconds) else {
                    return nil
                }
                return duration
            }
        }
        let thresholdRange = Limits.thresholdNanosecondsMinimum...Limits.thresholdNanosecondsMaximum
        resolution =
            try parse(
                "LOOPWATCH_RESOLUTION",
                within(Limits.resolutionNanosecondsMinimum...Limits.resolutionNanosecondsMaximum)
            ) ?? resolution
        let warning = try parse("LOOPWATCH_THRESHOLD", within(thresholdRange))
        let base = warning.map { Thresholds(warning: $0) } ?? thresholds
        let error = try parse("LOOPWATCH_ERROR_THRESHOLD") { text in
            within(thresholdRange)(text).flatMap { $0 >= base.warning ? $0 : nil }
        }
        let critical = try parse("LOOPWATCH_CRITICAL_THRESHOLD") { text in
            within(thresholdRange)(text).flatMap { $0 >= (error ?? base.error) ? $0 : nil }
        }
        thresholds = Thresholds(
            warning: base.warning,
            error: error ?? base.error,
            critical: critical ?? max(base.critical, error ?? base.error)
        )
        if let text = environment["LOOPWATCH_LISTEN"] {
            endpoint = text == "off" ? nil : try parse("LOOPWATCH_LISTEN") { EndpointAddress($0) }
        }
        allowsRemoteAccess = try parse("LOOPWATCH_ALLOW_REMOTE", Self.boolean) ?? allowsRemoteAccess
        allowedHosts =
            try parse("LOOPWATCH_ALLOWED_HOSTS") { text -> [String]? in
                let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
                // A space after a comma would make a name that no request can have.
                return names.contains { $0.isEmpty || $0.utf8.contains { $0 <= 32 } } ? nil : names
            } ?? allowedHosts
        log =
            try parse("LOOPWATCH_LOG") { text -> [LogDestination]? in
                switch text {
                case "stderr": [.standardError]
                case "off": []
                case _ where text.hasPrefix("/") || text.hasPrefix("."): [.file(path: text)]
                default: nil
                }
            } ?? log
        processName =
            try parse("LOOPWATCH_PROCESS_NAME") { text in
                text.isEmpty || text.utf8.count > Limits.processNameBytes ? nil : text
            } ?? processName
        stackCapture = try parse("LOOPWATCH_STACKS") { StackCapture(rawValue: $0) } ?? stackCapture
        captureSignal =
            try parse("LOOPWATCH_CAPTURE_SIGNAL") { text in
                Int32(text).flatMap { Self.captureSignals.contains($0) ? $0 : nil }
            } ?? captureSignal
        watchesGlobalExecutor = try parse("LOOPWATCH_GLOBAL_EXECUTOR", Self.boolean) ?? watchesGlobalExecutor
        poolAccounting = try parse("LOOPWATCH_ACCOUNTING") { PoolAccounting(rawValue: $0) } ?? poolAccounting
        reportBurst = try parse("LOOPWATCH_REPORT_BURST", Self.number(1...Limits.reportBurstMaximum)) ?? reportBurst
        loopsLimit = try parse("LOOPWATCH_LOOPS_LIMIT", Self.number(1...Limits.loopsMaximum)) ?? loopsLimit
        poolsLimit = try parse("LOOPWATCH_POOLS_LIMIT", Self.number(1...Limits.poolsMaximum)) ?? poolsLimit
        if let endpoint, !endpoint.isLocal, !allowsRemoteAccess {
            throw ConfigurationError(
                key: "LOOPWATCH_LISTEN",
                value: "\(endpoint)",
                expected: "a loopback address or a Unix socket, unless LOOPWATCH_ALLOW_REMOTE=true"
            )
        }
    }

    private static func boolean(_ text: String) -> Bool? {
        switch text {
        case "true": true
        case "false": false
        default: nil
        }
    }

    private static func number(_ range: ClosedRange<Int>) -> (String) -> Int? {
        { text in
            guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { return nil }
            return range.contains(number) ? number : nil
        }
    }
}
