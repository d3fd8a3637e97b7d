// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a profile as pprof reads it: gzipped `profile.proto` (github.com/google/pprof, proto/profile.proto).
///
/// Two values a sample: `stalls` (count) and `blocked` (nanoseconds), which is the default. Labels: `target` and `cause`.
/// ``LogicalPath`` says which frames are there. Names are in the file, so no binary is needed to read it. Blocked time
/// without a stack is a sample of its own, with a name in parentheses.
package enum PprofWriter {
    /// The answer's `Content-Type`, that of Go's `net/http/pprof`.
    package static let contentType = "application/octet-stream"

    /// Appends the profile, gzipped.
    ///
    /// - Parameters:
    ///   - profile: what to write.
    ///   - process: name of the process, which becomes a comment.
    ///   - unixNanoseconds: Unix time of the profile; its duration is the time since ``StallProfile/beganUnixNanoseconds``.
    ///   - buffer: what to append to.
    package static func write(
        _ profile: StallProfile,
        process: String,
        unixNanoseconds: Int64,
        into buffer: inout [UInt8]
    ) {
        let bytes = message(profile, process: process, unixNanoseconds: unixNanoseconds)
        GzipWriter.write(bytes, into: &buffer)
    }

    /// The profile as a message, not gzipped.
    static func message(_ profile: StallProfile, process: String, unixNanoseconds: Int64) -> [UInt8] {
        var message = ProtobufWriter()
        var tables = PprofTables()
        writeValueType("stalls", "count", field: Field.sampleType, &tables, into: &message)
        writeValueType("blocked", "nanoseconds", field: Field.sampleType, &tables, into: &message)
        let entries = profile.top()
        if let host = entries.lazy.flatMap(\.stack.frames).first(where: { $0.origin == .host }) {
            tables.addMapping(of: host)
        }
        var leftOut = (stalls: 0 as UInt64, nanoseconds: 0 as Int64)
        var locationBytes = 0
        for entry in entries {
            let frames = LogicalPath.frames(of: entry.stack)
            // The numbers of a sample's locations take three bytes each at most.
            locationBytes += frames.count * entry.shares.count * 3
            locationBytes += frames.reduce(0) { $0 + $1.function.utf8.count + ($1.file?.utf8.count ?? 0) + 32 }
            guard locationBytes < Limits.stackBytesInAnswer else {
                leftOut.stalls &+= entry.stalls
                leftOut.nanoseconds = leftOut.nanoseconds.addingBounded(entry.totalNanoseconds)
                continue
            }
            let locations =
                frames.isEmpty ? [tables.location(named: ProfileName.noFrames)] : tables.locations(of: frames)
            for share in entry.shares {
                let labels = [("target", share.target ?? ProfileName.otherTargets), ("cause", share.cause)]
                writeSample(locations, share.stalls, share.nanoseconds, labels, &tables, into: &message)
            }
        }
        for (name, stalls, nanoseconds) in [
            (ProfileName.withoutStack, profile.unattributedStalls, profile.unattributedNanoseconds),
            (ProfileName.forgotten, profile.evictedStalls, profile.evictedNanoseconds),
            (ProfileName.leftOut, leftOut.stalls, leftOut.nanoseconds),
        ] where stalls > 0 || nanoseconds > 0 {
            writeSample([tables.location(named: name)], stalls, nanoseconds, [], &tables, into: &message)
        }
        let began = profile.beganUnixNanoseconds
        let duration = unixNanoseconds.subtractingReportingOverflow(began)
        message.append(began, field: Field.time)
        message.append(duration.overflow ? 0 : max(0, duration.partialValue), field: Field.duration)
        writeValueType("blocked", "nanoseconds", field: Field.periodType, &tables, into: &message)
        message.append(1 as Int64, field: Field.period)
        let comment = "loopwatch, process \(process.clipped(toBytes: Limits.nameBytesInStack))"
        message.append(packed: [tables.string(comment)], field: Field.comment)
        message.append(tables.string("blocked"), field: Field.defaultSampleType)
        write(tables, into: &message)
        return message.bytes
    }

    /// Field numbers of the message `Profile`.
    private enum Field {
        static let sampleType: UInt64 = 1
        static let sample: UInt64 = 2
        static let mapping: UInt64 = 3
        static let location: UInt64 = 4
        static let function: UInt64 = 5
        static let string: UInt64 = 6
        static let time: UInt64 = 9
        static let duration: UInt64 = 10
        static let periodType: UInt64 = 11
        static let period: UInt64 = 12
        static let comment: UInt64 = 13
        static let defaultSampleType: UInt64 = 14
    }

    /// Appends a `ValueType`: type 1, unit 2.
    private static func writeValueType(
        _ type: String,
        _ unit: String,
        field: UInt64,
        _ tables: inout PprofTables,
        into message: inout ProtobufWriter
    ) {
        let (type, unit) = (tables.string(type), tables.string(unit))
        message.append(field: field) {
            $0.append(type, field: 1)
            $0.append(unit, field: 2)
        }
    }

    /// Appends a `Sample`: locations 1, values 2, labels 3 with key 1 and text 2.
    private static func writeSample(
        _ locations: [UInt64],
        _ stalls: UInt64,
        _ nanoseconds: Int64,
        _ labels: [(key: String, text: String)],
        _ tables: inout PprofTables,
        into message: inout ProtobufWriter
    ) {
        let labels = labels.map { (key: tables.string($0.key), text: tables.string($0.text)) }
        message.append(field: Field.sample) { sample in
            sample.append(packed: locations, field: 1)
            // Values are signed; a count that large cannot be reached.
            sample.append(packed: [UInt64(Int64(clamping: stalls)), UInt64(max(0, nanoseconds))], field: 2)
            for label in labels {
                sample.append(field: 3) {
                    $0.append(label.key, field: 1)
                    $0.append(label.text, field: 2)
                }
            }
        }
    }

    /// Appends the tables: mappings, locations, functions and, last because the others add to them, strings.
    private static func write(_ tables: PprofTables, into message: inout ProtobufWriter) {
        for (index, mapping) in tables.mappings.enumerated() {
            message.append(field: Field.mapping) {
                $0.append(UInt64(index) + 1, field: 1)
                $0.append(mapping.start, field: 2)
                $0.append(mapping.limit, field: 3)
                $0.append(mapping.file, field: 5)
                // Functions, files, lines and inlined frames are known, so nobody needs to look for them.
                for field in 7...10 as ClosedRange<UInt64> { $0.append(true, field: field) }
            }
        }
        for (index, location) in tables.locations.rows.enumerated() {
            message.append(field: Field.location) {
                $0.append(UInt64(index) + 1, field: 1)
                $0.append(location.mapping, field: 2)
                $0.append(location.address, field: 3)
                for line in location.lines {
                    $0.append(field: 4) {
                        $0.append(line.function, field: 1)
                        $0.append(line.line, field: 2)
                    }
                }
            }
        }
        for (index, function) in tables.functions.rows.enumerated() {
            message.append(field: Field.function) {
                $0.append(UInt64(index) + 1, field: 1)
                $0.append(function.name, field: 2)
                $0.append(function.name, field: 3)
                $0.append(function.file, field: 4)
            }
        }
        for string in tables.strings.rows { message.append(string, field: Field.string) }
    }
}
