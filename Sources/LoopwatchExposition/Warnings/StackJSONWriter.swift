// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Writes stacks as members of a JSON object; what is unknown is left out.
///
/// Addresses and offsets are texts in hexadecimal, because a JSON number is exact up to 2^53 only.
enum StackJSONWriter {
    /// Appends the frame to blame and the fingerprint, each after a comma: `,"at":{...},"stack_id":"..."`.
    static func writeSummary(of stack: Stack, identifier: String, into buffer: inout [UInt8]) {
        if let blamed = stack.blamed {
            buffer.append(text: #","at":"#)
            write(blamed, into: &buffer)
        }
        buffer.append(text: #","stack_id":"#)
        buffer.append(jsonString: identifier)
    }

    /// Appends all frames, innermost first, after a comma: `,"stack":[...],"stack_truncated":false`.
    ///
    /// Outer frames that are too many are left out, and then the stack is said to be truncated.
    static func writeFrames(of stack: Stack, into buffer: inout [UInt8]) {
        buffer.append(text: #","stack":["#)
        let start = buffer.count
        var written = 0
        for frame in stack.frames.prefix(Limits.framesInStack) {
            let before = buffer.count
            if written > 0 { buffer.append(0x2C) }
            write(frame, into: &buffer)
            if buffer.count - start > Limits.stackBytesInReport {
                buffer.removeSubrange(before...)
                break
            }
            written += 1
        }
        let isTruncated = stack.isTruncated || written < stack.frames.count
        buffer.append(text: #"],"stack_truncated":"#)
        buffer.append(text: isTruncated ? "true" : "false")
    }

    /// Appends a frame as an object.
    private static func write(_ frame: StackFrame, into buffer: inout [UInt8]) {
        buffer.append(text: #"{"function":"#)
        buffer.append(jsonString: frame.function.clipped(toBytes: Limits.nameBytesInStack))
        if let file = frame.file {
            buffer.append(text: #","file":"#)
            buffer.append(jsonString: file.clippedAtStart(toBytes: Limits.nameBytesInStack))
        }
        if let line = frame.line {
            buffer.append(text: #","line":"#)
            buffer.append(decimal: Int64(line))
        }
        buffer.append(text: #","module":"#)
        buffer.append(jsonString: frame.module.clipped(toBytes: Limits.nameBytesInStack))
        buffer.append(text: #","offset":"0x"#)
        buffer.append(text: String(frame.moduleOffset, radix: 16))
        buffer.append(text: #"","address":"0x"#)
        buffer.append(text: String(frame.address, radix: 16))
        buffer.append(text: #"","origin":""#)
        buffer.append(text: frame.origin.rawValue)
        buffer.append(text: #"","link":""#)
        buffer.append(text: frame.link.rawValue)
        buffer.append(text: #"","uncertain":"#)
        buffer.append(text: frame.isUncertain ? "true}" : "false}")
    }
}
