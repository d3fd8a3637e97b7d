// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// What is blocked now, as it is without a script; the script puts its own in its place.
enum PageNow {
    /// Most blocks that are told in full; the table has all.
    private static let blocksMaximum = 8

    /// Appends what is blocked, the longest first, and the parts of the watch that do not run.
    static func write(_ status: WatchStatus, _ targets: [TargetStatus], into buffer: inout [UInt8]) {
        let blocks = targets.flatMap { target in target.blocks.map { (target, $0) } }
            .sorted { $0.1.nanoseconds > $1.1.nanoseconds }
        if blocks.isEmpty {
            buffer.append(text: "<p class=well><b>&#9679; Nothing is blocked now.</b></p>\n")
        }
        let start = buffer.count
        var shown = 0
        for (target, block) in blocks.prefix(blocksMaximum) {
            let before = buffer.count
            write(block, of: target, into: &buffer)
            if buffer.count - start > Limits.pageNowBytes { buffer.removeSubrange(before...) } else { shown += 1 }
        }
        if blocks.count > shown {
            buffer.append(text: "<p class=note>and \(blocks.count - shown) more, in the tables below</p>\n")
        }
        for component in status.snapshot.components where !component.isUp {
            buffer.append(text: "<p class=alarm>Not running: ")
            buffer.append(htmlText: component.name)
            buffer.append(text: "</p>\n")
        }
    }

    private static func write(_ block: CurrentBlock, of target: TargetStatus, into buffer: inout [UInt8]) {
        let severity = severity(of: block, target)
        buffer.append(text: "<article class=\"card \(severity.label)\"><p class=for><span class=mark>")
        buffer.append(text: mark(of: severity) + "</span> " + StatusRow.duration(block.nanoseconds) + "</p><p><b>")
        buffer.append(text: target.subject.rawValue + " <bdi>")
        buffer.append(htmlText: name(of: target))
        buffer.append(text: block.isHold ? "</bdi></b> one thread is held" : "</bdi></b> is blocked")
        buffer.append(text: "</p><p class=\"where mono\">")
        if let blamed = block.report?.stack?.blamed { buffer.append(htmlText: StackLineWriter.place(of: blamed)) }
        buffer.append(text: "</p><p>")
        if let cause = block.cause {
            buffer.append(htmlText: cause)
            buffer.append(text: " &#183; ")
        }
        buffer.append(text: "since ")
        buffer.append(timestampOfUnixNanoseconds: block.sinceUnixNanoseconds)
        buffer.append(text: "</p></article>\n")
    }

    /// The severity that the length of a block so far has.
    static func severity(of block: CurrentBlock, _ target: TargetStatus) -> Severity {
        let thresholds = target.statistics.thresholdsNanoseconds
        return Severity.allCases.last { thresholds[$0.rawValue] <= block.nanoseconds } ?? .warning
    }

    /// A target's name, with that of its process where it is another one.
    static func name(of target: TargetStatus) -> String {
        target.process.map { "\($0.name)/\(target.name)" } ?? target.name
    }

    /// A shape for each severity, so that colour is not all that tells them apart.
    static func mark(of severity: Severity) -> String {
        switch severity {
        case .warning: "&#9650;"
        case .error: "&#9670;"
        case .critical: "&#9632;"
        }
    }
}
