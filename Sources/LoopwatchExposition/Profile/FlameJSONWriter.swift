// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes what a flame graph is drawn from: every frame once, and each stack as numbers of frames.
///
/// ```
/// {"schema":1,"process":"api","began":"...","time":"...","stalls":3,"blocked_ms":1400,
///  "frames":[["checkout()","api","host",0]],"stacks":[{"id":"...","path":[0],"shares":[["http-0","syscall",312.4]]}],
///  "rest":[["(no stack)",90]]}
/// ```
///
/// A frame is its name, its module, whose code it is, and 1 for an asynchronous caller; a path begins with the outermost
/// frame (``LogicalPath``); a share is a target, the label of a cause and the blocked milliseconds. A fraction of the JSON
/// form of the profile, whose stacks are written in full.
package enum FlameJSONWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "application/json"

    private struct Frame: Hashable {
        var name: String
        var module: String
        var origin: StackFrame.Origin
        var isAsynchronous: Bool
    }

    /// Appends the tables, the stacks with the most blocked time first.
    package static func write(
        _ profile: StallProfile,
        process: String,
        unixNanoseconds: Int64,
        into buffer: inout [UInt8]
    ) {
        buffer.append(text: #"{"schema":1,"process":"#)
        buffer.append(jsonString: process)
        buffer.append(text: #","began":""#)
        buffer.append(timestampOfUnixNanoseconds: profile.beganUnixNanoseconds)
        buffer.append(text: #"","time":""#)
        buffer.append(timestampOfUnixNanoseconds: unixNanoseconds)
        buffer.append(text: #"","stalls":"#)
        buffer.append(decimal: profile.totalStalls)
        buffer.append(text: #","blocked_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: profile.totalNanoseconds)
        var numbers: [Frame: Int] = [:]
        var frames: [UInt8] = []
        var stacks: [UInt8] = []
        var leftOutNanoseconds: Int64 = 0
        for entry in profile.top() {
            guard frames.count + stacks.count < Limits.stackBytesInAnswer else {
                leftOutNanoseconds = leftOutNanoseconds.addingBounded(entry.totalNanoseconds)
                continue
            }
            if !stacks.isEmpty { stacks.append(0x2C) }
            write(entry, numbers: &numbers, frames: &frames, into: &stacks)
        }
        buffer.append(text: #","frames":["#)
        buffer.append(contentsOf: frames)
        buffer.append(text: #"],"stacks":["#)
        buffer.append(contentsOf: stacks)
        buffer.append(text: #"],"rest":["#)
        for (index, (name, nanoseconds)) in [
            (ProfileName.withoutStack, profile.unattributedNanoseconds),
            (ProfileName.forgotten, profile.evictedNanoseconds),
            (ProfileName.leftOut, leftOutNanoseconds),
        ].enumerated() {
            buffer.append(text: index > 0 ? ",[" : "[")
            buffer.append(jsonString: name)
            buffer.append(0x2C)
            buffer.append(jsonMillisecondsOfNanoseconds: nanoseconds)
            buffer.append(0x5D)
        }
        buffer.append(text: "]}\n")
    }

    /// Appends a stack, and those of its frames that no stack before had.
    private static func write(
        _ entry: StallProfile.Entry,
        numbers: inout [Frame: Int],
        frames: inout [UInt8],
        into stacks: inout [UInt8]
    ) {
        stacks.append(text: #"{"id":"#)
        stacks.append(jsonString: entry.identifier)
        stacks.append(text: #","path":["#)
        for (index, frame) in LogicalPath.frames(of: entry.stack).reversed().enumerated() {
            if index > 0 { stacks.append(0x2C) }
            let key = Frame(
                name: ProfileName.of(frame),
                module: frame.module.clipped(toBytes: Limits.nameBytesInStack),
                origin: frame.origin,
                isAsynchronous: frame.link == .asynchronous
            )
            if numbers[key] == nil { write(key, isFirst: numbers.isEmpty, into: &frames) }
            let number = numbers[key] ?? numbers.count
            numbers[key] = number
            stacks.append(decimal: Int64(number))
        }
        stacks.append(text: #"],"shares":["#)
        for (index, share) in entry.shares.enumerated() {
            stacks.append(text: index > 0 ? ",[" : "[")
            stacks.append(jsonString: share.target ?? ProfileName.otherTargets)
            stacks.append(0x2C)
            stacks.append(jsonString: share.cause)
            stacks.append(0x2C)
            stacks.append(jsonMillisecondsOfNanoseconds: share.nanoseconds)
            stacks.append(0x5D)
        }
        stacks.append(text: "]}")
    }

    private static func write(_ frame: Frame, isFirst: Bool, into frames: inout [UInt8]) {
        frames.append(text: isFirst ? "[" : ",[")
        frames.append(jsonString: frame.name)
        frames.append(0x2C)
        frames.append(jsonString: frame.module)
        frames.append(text: ",\"\(frame.origin.rawValue)\",\(frame.isAsynchronous ? 1 : 0)]")
    }
}
