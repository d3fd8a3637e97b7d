// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a profile as folded stacks, the input of flame graph tools: one line a stack, with its blocked microseconds.
///
/// ```
/// http-0;Router.respond() [async];handleRequest() [async];checkout();innerBlocking();clock_nanosleep 312400
/// ```
///
/// The root is the target's name. ``LogicalPath`` says which frames are shown; asynchronous callers carry `[async]`.
/// A name's semicolons become colons, and what could end the line becomes a space. Blocked time without a stack is there
/// too, under names in parentheses.
package enum FoldedStackWriter {
    /// The answer's `Content-Type`.
    package static let contentType = "text/plain; charset=utf-8"

    /// Appends the profile, the stacks with the most blocked time first; an empty profile is an empty text.
    package static func write(_ profile: StallProfile, into buffer: inout [UInt8]) {
        let start = buffer.count
        var leftOutNanoseconds: Int64 = 0
        for entry in profile.top() {
            let path = path(of: entry.stack)
            for share in entry.shares where share.nanoseconds > 0 {
                guard buffer.count - start < Limits.stackBytesInAnswer else {
                    leftOutNanoseconds = leftOutNanoseconds.addingBounded(share.nanoseconds)
                    continue
                }
                // One target can have several causes, which folded stacks do not tell apart: tools add such lines up.
                appendName(share.target ?? ProfileName.otherTargets, to: &buffer)
                buffer.append(contentsOf: path)
                appendWeight(share.nanoseconds, to: &buffer)
            }
        }
        for (name, nanoseconds) in [
            (ProfileName.withoutStack, profile.unattributedNanoseconds),
            (ProfileName.forgotten, profile.evictedNanoseconds),
            (ProfileName.leftOut, leftOutNanoseconds),
        ] where nanoseconds > 0 {
            buffer.append(text: name)
            appendWeight(nanoseconds, to: &buffer)
        }
    }

    /// The frames, outermost first, each after a semicolon.
    private static func path(of stack: Stack) -> [UInt8] {
        var path: [UInt8] = []
        for frame in LogicalPath.frames(of: stack).reversed() {
            path.append(0x3B)
            appendName(ProfileName.of(frame), to: &path)
            if frame.link == .asynchronous { path.append(text: " [async]") }
        }
        if path.isEmpty { path.append(text: ";" + ProfileName.noFrames) }
        return path
    }

    /// Appends a name without what would end it.
    private static func appendName(_ name: String, to buffer: inout [UInt8]) {
        if name.isEmpty { buffer.append(text: ProfileName.noName) }
        for scalar in name.unicodeScalars {
            switch scalar {
            case ";": buffer.append(0x3A)
            case _ where scalar.isUnsafeToShow: buffer.append(0x20)
            default: buffer.append(contentsOf: scalar.utf8)
            }
        }
    }

    /// Appends the blocked microseconds, at least one, and the line feed.
    private static func appendWeight(_ nanoseconds: Int64, to buffer: inout [UInt8]) {
        let (microseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000)
        buffer.append(0x20)
        buffer.append(decimal: max(1, microseconds + (rest >= 500 ? 1 : 0)))
        buffer.append(0x0A)
    }
}

extension Int64 {
    /// The sum of two numbers that are not negative, or the highest number where it would be higher.
    func addingBounded(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
