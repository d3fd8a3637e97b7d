// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a snapshot in OpenMetrics 1.0.0, with exemplars.
package enum OpenMetricsWriter {
    /// Appends the whole exposition, which ends with `# EOF`.
    ///
    /// Series are told apart by process and target name; that names are unique is the registry's promise.
    package static func write(_ snapshot: WatchSnapshot, into buffer: inout [UInt8]) {
        let source = MetricSource(snapshot)
        buffer.reserveCapacity(buffer.count + source.bytesExpected)
        for family in MetricCatalog.all {
            var lines = SampleLineWriter(family: family, writesExemplars: true)
            family.forEachRow(source) { row in
                if lines.isEmpty { appendMetadata(of: family, to: &buffer) }
                lines.append(row, to: &buffer)
            }
        }
        buffer.append(text: "# EOF\n")
    }

    /// Appends TYPE, UNIT and HELP, which here carry the family's name; HELP is escaped like a label value.
    private static func appendMetadata(of family: MetricDescription, to buffer: inout [UInt8]) {
        buffer.append(text: "# TYPE ")
        buffer.append(text: family.name)
        buffer.append(0x20)
        buffer.append(text: family.type.rawValue)
        if let unit = family.unit {
            buffer.append(text: "\n# UNIT ")
            buffer.append(text: family.name)
            buffer.append(0x20)
            buffer.append(text: unit)
        }
        buffer.append(text: "\n# HELP ")
        buffer.append(text: family.name)
        buffer.append(0x20)
        buffer.append(labelValue: family.help)
        buffer.append(0x0A)
    }
}
