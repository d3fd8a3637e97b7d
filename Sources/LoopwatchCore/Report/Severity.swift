// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How bad a stall is, by its length.
public enum Severity: Int, Sendable, Comparable, CaseIterable {
    /// Over the warning threshold (default 100 ms).
    case warning
    /// Over the error threshold (default 1 s).
    case error
    /// Over the critical threshold (default 5 s).
    case critical

    /// The word used as a label value and in NDJSON.
    public var label: String {
        switch self {
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        }
    }

    /// Orders severities from mild to bad.
    public static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }
}
