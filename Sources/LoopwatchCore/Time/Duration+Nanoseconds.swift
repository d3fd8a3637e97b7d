// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// The duration in whole nanoseconds, saturating at the range of `Int64` (292 years).
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflowOfSum) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflowOfSum { return seconds < 0 ? .min : .max }
        return sum
    }
}
