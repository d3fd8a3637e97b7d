// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Durations as people write them: a whole number and a unit, such as `100ms` or `5s`.
public enum DurationText {
    /// Reads a duration; `nil` without a unit (`us`, `ms`, `s`, `m`, `h`, `d`), with a sign, a fraction or a space.
    public static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, let number = Int64(digits) else { return nil }
        let factor: Int64
        switch text.dropFirst(digits.count) {
        case "us": factor = 1_000
        case "ms": factor = 1_000_000
        case "s": factor = 1_000_000_000
        case "m": factor = 60_000_000_000
        case "h": factor = 3_600_000_000_000
        case "d": factor = 86_400_000_000_000
        default: return nil
        }
        let (nanoseconds, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : .nanoseconds(nanoseconds)
    }
}
