// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Writes a stack in a few words, as the warning line has it.
///
/// ```
/// at="innerBlocking() Checkout.swift:14" via="checkout() < handleRequest() <~ Router.respond()"
/// ```
///
/// `at` is the frame to blame, `via` are the host's frames that led to it, nearest first. ` < ` stands before one that
/// called the one before it, ` <~ ` before one that awaits it: an asynchronous caller, which is not on the thread's
/// stack. A `?` after a name marks a frame found by weaker evidence than a proof. ` < ...` means that there are more.
package enum StackLineWriter {
    /// Where the thread is blocked: function, then file and line where they are known.
    package static func place(of frame: StackFrame) -> String {
        var text = name(of: frame)
        guard let file = frame.file else { return text }
        text += " " + String(file.lastPathComponent).clipped(toBytes: Limits.nameBytesInLine)
        if let line = frame.line { text += ":\(line)" }
        return text
    }

    /// The callers of the frame to blame, nearest first; empty where there are none.
    package static func callers(of stack: Stack) -> String {
        guard let blamed = stack.blamedIndex else { return "" }
        var text = ""
        var count = 0
        var isAsynchronous = false
        for frame in stack.frames[(blamed + 1)...] {
            // Frames that are not named may be the ones that were awaited.
            if frame.link == .asynchronous { isAsynchronous = true }
            guard frame.origin == .host else { continue }
            let mark = isAsynchronous ? (text.isEmpty ? "<~ " : " <~ ") : (text.isEmpty ? "" : " < ")
            let next = mark + name(of: frame)
            guard count < Limits.callersInLine, text.utf8.count + next.utf8.count <= Limits.callersBytesInLine else {
                return text + more
            }
            text += next
            count += 1
            isAsynchronous = false
        }
        return stack.isTruncated && !text.isEmpty ? text + more : text
    }

    /// What stands for the callers that are not named.
    private static let more = " < ..."

    /// A frame's name with its mark.
    private static func name(of frame: StackFrame) -> String {
        frame.function.clipped(toBytes: Limits.nameBytesInLine) + (frame.isUncertain ? "?" : "")
    }
}
