// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// From which length on a blocked target is reported, and how severe it then is.
public struct Thresholds: Sendable, Equatable {
    /// Blocked for longer is a warning (default 100 ms, lowest 5 ms).
    public var warning: Duration
    /// Blocked for longer is an error (default 10 times the warning threshold).
    public var error: Duration
    /// Blocked for longer is critical (default 50 times the warning threshold).
    public var critical: Duration

    /// Creates thresholds; the higher two follow from the first where they are not given.
    public init(warning: Duration = .milliseconds(100), error: Duration? = nil, critical: Duration? = nil) {
        self.warning = warning
        // Within the bounds, so that a threshold that is allowed does not make one that is not, and none overflows.
        let highest = Duration.nanoseconds(Limits.thresholdNanosecondsMaximum)
        func multiple(_ duration: Duration, _ factor: Int) -> Duration {
            min(max(.zero, min(duration, highest)) * factor, highest)
        }
        self.error = error ?? multiple(warning, 10)
        self.critical = critical ?? max(multiple(warning, 50), multiple(error ?? warning, 5))
    }

    /// The severity of a stall of the given length in nanoseconds; `nil` below the warning threshold.
    public func severity(ofNanoseconds nanoseconds: Int64) -> Severity? {
        if nanoseconds >= critical.wholeNanoseconds { return .critical }
        if nanoseconds >= error.wholeNanoseconds { return .error }
        if nanoseconds >= warning.wholeNanoseconds { return .warning }
        return nil
    }

    /// Checks the bounds and the order.
    ///
    /// - Parameter name: what to call these thresholds in an error.
    /// - Throws: ``ConfigurationError``.
    public func validate(name: String) throws(ConfigurationError) {
        let lowest = Limits.thresholdNanosecondsMinimum
        let highest = Limits.thresholdNanosecondsMaximum
        for (level, value) in [("warning", warning), ("error", error), ("critical", critical)] {
            guard (lowest...highest).contains(value.wholeNanoseconds) else {
                throw ConfigurationError(
                    key: "\(name).\(level)",
                    value: "\(value)",
                    expected: "a duration from 5 ms to 1 day"
                )
            }
        }
        guard warning <= error, error <= critical else {
            throw ConfigurationError(
                key: name,
                value: "warning \(warning), error \(error), critical \(critical)",
                expected: "warning <= error <= critical"
            )
        }
    }
}
