// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The latest warnings as they are without a script, each opening to its stack.
enum PageWarnings {
    /// Appends the list, the newest first, as far as there is room; of each block the latest report.
    static func write(_ reports: [StallReport], into buffer: inout [UInt8]) {
        let start = buffer.count
        var stalls: Set<UInt64> = []
        for report in reports.reversed() where stalls.insert(report.stall).inserted {
            let before = buffer.count
            write(report, writesStack: stalls.count <= stacksMaximum, into: &buffer)
            guard buffer.count - start > Limits.pageWarningsBytes else { continue }
            buffer.removeSubrange(before...)
            buffer.append(text: "<li><p class=note>more are in <a href=\"warnings\">warnings</a></p></li>\n")
            break
        }
    }

    private static func write(_ report: StallReport, writesStack: Bool, into buffer: inout [UInt8]) {
        let severity = report.severity
        buffer.append(text: "<li class=\"\(severity?.label ?? "info")\"><details><summary><span class=mono>")
        // The day is in the line that it opens to.
        var time: [UInt8] = []
        time.append(timestampOfUnixNanoseconds: report.beganUnixNanoseconds)
        buffer.append(contentsOf: time.drop { $0 != UInt8(ascii: "T") }.dropFirst())
        buffer.append(text: "</span><span class=badge>")
        buffer.append(text: severity.map { PageNow.mark(of: $0) + " " + $0.label } ?? "info")
        buffer.append(text: "</span><span class=name>\(report.subject.rawValue) <bdi>")
        buffer.append(htmlText: report.process.map { "\($0.name)/\(report.target)" } ?? report.target)
        buffer.append(text: "</bdi></span><span class=dur>")
        buffer.append(text: StatusRow.duration(report.durationNanoseconds))
        buffer.append(text: "</span><span class=why>\(report.state.rawValue), ")
        buffer.append(htmlText: report.cause.text.clipped(toBytes: Limits.nameBytesInLine))
        buffer.append(text: "</span><span class=\"place mono\">")
        if let blamed = report.stack?.blamed { buffer.append(htmlText: StackLineWriter.place(of: blamed)) }
        buffer.append(text: "</span></summary><div class=detail><p>")
        var line: [UInt8] = []
        WarningLineWriter.write(report, into: &line)
        buffer.append(htmlText: String(decoding: line.dropLast(), as: UTF8.self))
        buffer.append(text: "</p>")
        if let stack = report.stack {
            if writesStack { writeFrames(of: stack, into: &buffer) }
            buffer.append(text: "<p><a href=\"stalls/\(Stack.identifier(of: stack.fingerprint))\">")
            buffer.append(text: "the whole stack</a></p>")
        }
        buffer.append(text: "</div></details></li>\n")
    }

    private static func writeFrames(of stack: Stack, into buffer: inout [UInt8]) {
        buffer.append(text: "<ol class=stack>")
        let frames = stack.frames.prefix(framesMaximum)
        for (index, frame) in frames.enumerated() {
            let kind = index == stack.blamedIndex ? "<li class=at>" : frame.origin == .host ? "<li>" : "<li class=rest>"
            buffer.append(text: kind)
            if frame.link == .asynchronous { buffer.append(text: "<small>awaited by</small> ") }
            buffer.append(htmlText: StackLineWriter.place(of: frame))
            buffer.append(text: " <small>")
            buffer.append(htmlText: frame.module.clipped(toBytes: Limits.nameBytesInLine))
            buffer.append(text: "</small></li>")
        }
        buffer.append(text: "</ol>")
    }

    /// Frames of a stack that are shown; the rest is behind the link.
    private static let framesMaximum = 12
    /// Warnings that are shown with their stacks.
    private static let stacksMaximum = 5
}
