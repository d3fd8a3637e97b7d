// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a snapshot in Prometheus' text format 0.0.4.
package enum PrometheusTextWriter {
    /// Appends the whole exposition.
    ///
    /// Series are told apart by process and target name; that names are unique is the registry's promise.
    package static func write(_ snapshot: WatchSnapshot, into buffer: inout [UInt8]) {
        let source = MetricSource(snapshot)
        buffer.reserveCapacity(buffer.count + source.bytesExpected)
        for family in MetricCatalog.all {
            var lines = SampleLineWriter(family: family, writesExemplars: false)
            family.forEachRow(source) { row in
                if lines.isEmpty { appendMetadata(of: family, to: &buffer) }
                lines.append(row, to: &buffer)
            }
        }
    }

    /// Appends HELP and TYPE, which here carry the samples' name; the type `info` is unknown to this format.
    private static func appendMetadata(of family: MetricDescription, to buffer: inout [UInt8]) {
        buffer.append(text: "# HELP ")
        buffer.append(text: family.sampleName)
        buffer.append(0x20)
        buffer.append(helpText: family.help)
        buffer.append(text: "\n# TYPE ")
        buffer.append(text: family.sampleName)
        buffer.append(0x20)
        buffer.append(text: family.type == .info ? MetricType.gauge.rawValue : family.type.rawValue)
        buffer.append(0x0A)
    }
}
