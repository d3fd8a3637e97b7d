// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The value of one row of a metric family.
enum MetricValue: Sendable {
    /// A count of things.
    case count(UInt64)
    /// A whole number.
    case integer(Int64)
    /// A time, kept in nanoseconds and written in seconds.
    case nanoseconds(Int64)
    /// A number that was measured as a fraction.
    case number(Double)
    /// A distribution.
    case histogram(Histogram)

    /// A whole number of the machine's word size.
    static func integer(_ value: Int) -> MetricValue { .integer(Int64(value)) }

    /// A yes or no, as 1 or 0.
    static func flag(_ value: Bool) -> MetricValue { .integer(value ? 1 : 0) }
}

/// One metric of a family: its labels and its value.
struct MetricRow: Sendable {
    /// The labels of a row, in the order of the family's label names.
    enum Labels: Sendable {
        /// The values of all.
        case values([String])
        /// Those of a target, and one more where the family has one.
        case target(TargetLabels, further: FurtherLabel?)
    }

    /// Its labels.
    var labels: Labels
    /// The value.
    var value: MetricValue
}

/// A label behind those of a target, as it is written: the same for all targets.
struct FurtherLabel: Sendable {
    /// The label without braces, escaped, and the comma before it.
    let bytes: [UInt8]

    /// Writes a label.
    init(_ name: String, _ value: String) {
        var bytes: [UInt8] = []
        bytes.append(text: ",\(name)=\"")
        bytes.append(labelValue: value)
        bytes.append(0x22)
        self.bytes = bytes
    }
}
