// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a profile, or one of its groups, as a JSON document.
package enum ProfileJSONWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "application/json"

    /// Appends the profile, the groups with the most blocked time first.
    ///
    /// - Parameters:
    ///   - profile: what to write.
    ///   - process: name of the process.
    ///   - unixNanoseconds: Unix time of the profile.
    ///   - limit: most groups.
    ///   - writesFrames: whether stacks are written in full, as far as an answer may be long.
    ///   - buffer: what to append to.
    package static func write(
        _ profile: StallProfile,
        process: String,
        unixNanoseconds: Int64,
        limit: Int = .max,
        writesFrames: Bool,
        into buffer: inout [UInt8]
    ) {
        buffer.append(text: #"{"schema":1,"process":"#)
        buffer.append(jsonString: process)
        buffer.append(text: #","began":""#)
        buffer.append(timestampOfUnixNanoseconds: profile.beganUnixNanoseconds)
        buffer.append(text: #"","time":""#)
        buffer.append(timestampOfUnixNanoseconds: unixNanoseconds)
        buffer.append(0x22)
        append(profile.totalStalls, profile.totalNanoseconds, prefix: "", to: &buffer)
        append(profile.unattributedStalls, profile.unattributedNanoseconds, prefix: "unattributed_", to: &buffer)
        append(profile.evictedStalls, profile.evictedNanoseconds, prefix: "evicted_", to: &buffer)
        buffer.append(text: #","evicted_stacks":"#)
        buffer.append(decimal: profile.evictedGroups)
        buffer.append(text: #","kept_stacks":"#)
        buffer.append(decimal: Int64(profile.count))
        buffer.append(text: #","stacks":["#)
        let start = buffer.count
        for (index, entry) in profile.top(limit).enumerated() {
            // What is left out is the rest of `kept_stacks`.
            if buffer.count - start > Limits.stackBytesInAnswer * 3 / 2 { break }
            let hasRoom = buffer.count - start < Limits.stackBytesInAnswer
            if index > 0 { buffer.append(0x2C) }
            write(entry, writesFrames: writesFrames && hasRoom, into: &buffer)
        }
        buffer.append(text: "]}\n")
    }

    /// Appends one group as a document.
    package static func write(_ entry: StallProfile.Entry, into buffer: inout [UInt8]) {
        write(entry, writesFrames: true, into: &buffer)
        buffer.append(0x0A)
    }

    /// Appends one group as an object.
    private static func write(_ entry: StallProfile.Entry, writesFrames: Bool, into buffer: inout [UInt8]) {
        // The identifier is the group's: the fingerprint of its stack would have to be computed again.
        buffer.append(text: #"{"samples":"#)
        buffer.append(decimal: entry.samples)
        append(entry.stalls, entry.totalNanoseconds, prefix: "", to: &buffer)
        buffer.append(text: #","longest_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: entry.longestNanoseconds)
        buffer.append(text: #","first":""#)
        buffer.append(timestampOfUnixNanoseconds: entry.firstUnixNanoseconds)
        buffer.append(text: #"","last":""#)
        buffer.append(timestampOfUnixNanoseconds: entry.lastUnixNanoseconds)
        buffer.append(text: #"","shares":["#)
        for (index, share) in entry.shares.enumerated() {
            if index > 0 { buffer.append(0x2C) }
            buffer.append(text: #"{"cause":"#)
            buffer.append(jsonString: share.cause)
            if let target = share.target {
                buffer.append(text: #",""# + share.subject.rawValue + #"":"#)
                buffer.append(jsonString: target)
            }
            append(share.stalls, share.nanoseconds, prefix: "", to: &buffer)
            buffer.append(0x7D)
        }
        buffer.append(text: "]")
        StackJSONWriter.writeSummary(of: entry.stack, identifier: entry.identifier, into: &buffer)
        if writesFrames { StackJSONWriter.writeFrames(of: entry.stack, into: &buffer) }
        buffer.append(0x7D)
    }

    /// Appends a number of stalls and their blocked time.
    private static func append(_ stalls: UInt64, _ nanoseconds: Int64, prefix: String, to buffer: inout [UInt8]) {
        buffer.append(text: #",""# + prefix + #"stalls":"#)
        buffer.append(decimal: stalls)
        buffer.append(text: #",""# + prefix + #"blocked_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: nanoseconds)
    }
}
