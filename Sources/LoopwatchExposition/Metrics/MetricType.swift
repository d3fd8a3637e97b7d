// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a metric family is; the raw value is the word of OpenMetrics.
package enum MetricType: String, Sendable {
    /// A number that only grows.
    case counter
    /// A number that goes up and down.
    case gauge
    /// Counts of observations by size.
    case histogram
    /// Labels with the constant value 1.
    case info
}
