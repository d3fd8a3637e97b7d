// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition

/// What was read for a report besides the stalls themselves.
struct ReadingResult: Equatable {
    /// Files that were read.
    var files = 0
    /// What became of their lines.
    var counts = WarningLogReader.Counts()
    /// Warnings beyond ``Limits/logStalls``.
    var leftOut = 0
}

/// Writes a summary for people: two lines or three a culprit, none of which needs more than a terminal's width.
enum SummaryTextWriter {
    /// Names that are listed of causes and targets.
    private static let namesMost = 4

    /// The text, with its last line feed.
    static func text(_ summary: BlockedTimeSummary, _ reading: ReadingResult, limit: Int) -> String {
        var text = ""
        let files = "\(reading.files) \(reading.files == 1 ? "file" : "files")"
        if let first = summary.firstUnixNanoseconds, let last = summary.lastUnixNanoseconds {
            text += "\(summary.stalls) \(summary.stalls == 1 ? "stall" : "stalls"), blocked for "
            text += "\(TimeSpan.text(summary.nanoseconds)) in all, in \(files)\n"
            text += "from \(TimeSpan.moment(first)) to \(TimeSpan.moment(last))\n"
        } else {
            text += "no stall in \(files)\n"
        }
        let shown = summary.culprits.prefix(limit)
        for (index, culprit) in shown.enumerated() {
            let number = String(index + 1)
            let indent = String(repeating: " ", count: max(3, number.count + 1) + 1)
            text += "\n" + String(repeating: " ", count: max(0, 3 - number.count)) + number + " "
            text += "\(percent(summary.share(of: culprit)))  \(TimeSpan.text(culprit.nanoseconds))"
            text += " in \(culprit.stalls) \(culprit.stalls == 1 ? "stall" : "stalls")"
            if culprit.stalls > 1 { text += ", the longest \(TimeSpan.text(culprit.longestNanoseconds))" }
            if culprit.unfinished > 0 { text += ", \(culprit.unfinished) without an end" }
            text += "; " + list(culprit.causesByTime.map(\.name)) + "\n"
            text += indent + SafeText.line(culprit.place) + "\n"
            text += indent + "on " + list(culprit.targetsByTime.map(\.name))
            text += "; \(TimeSpan.moment(culprit.firstUnixNanoseconds))"
            if culprit.stalls > 1 { text += " to \(TimeSpan.moment(culprit.lastUnixNanoseconds))" }
            text += "\n"
        }
        let hidden = summary.culprits.count - shown.count
        if hidden > 0 { text += "\n\(hidden) more; --limit \(summary.culprits.count) shows them\n" }
        let remarks = remarks(on: summary, reading)
        if !remarks.isEmpty { text += "\n" + remarks.map { $0 + "\n" }.joined() }
        return text
    }

    /// What is to be known besides.
    static func remarks(on summary: BlockedTimeSummary, _ reading: ReadingResult) -> [String] {
        var remarks: [String] = []
        func add(_ count: Int, _ one: String, _ many: String) {
            if count > 0 { remarks.append("\(count) \(count == 1 ? one : many)") }
        }
        if summary.interruptions > 0 {
            remarks.append(
                "\(summary.interruptions) \(summary.interruptions == 1 ? "time" : "times") a whole process stood still or "
                    + "got no CPU, for \(TimeSpan.text(summary.interruptedNanoseconds)); no code is blamed for that"
            )
        }
        add(
            Int(clamping: summary.suppressed),
            "stall more was not written because of the rate limit; its time is not known",
            "stalls more were not written because of the rate limit; their time is not known"
        )
        add(
            Int(clamping: reading.counts.missed),
            "warning was dropped before it was read, as the log says",
            "warnings were dropped before they were read, as the log says"
        )
        add(reading.counts.notUnderstood, "line is no warning", "lines are no warnings")
        add(reading.counts.cutOff, "file ends in the middle of a line", "files end in the middle of a line")
        add(reading.leftOut, "warning was one too many", "warnings were too many, and are left out")
        return remarks
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(namesMost).map { SafeText.line($0) }.joined(separator: ", ")
        return names.count > namesMost ? "\(shown) and \(names.count - namesMost) more" : shown
    }

    private static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1_000).rounded())
        let text = "\(tenths / 10).\(tenths % 10)%"
        return String(repeating: " ", count: max(0, 6 - text.count)) + text
    }
}

/// Durations and moments for people.
enum TimeSpan {
    /// A duration: `0ms`, `312ms`, `6.24s`, `2m05s`, `3h07m`, `2d04h`.
    static func text(_ nanoseconds: Int64) -> String {
        let milliseconds = max(0, nanoseconds) / 1_000_000
        func padded(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        switch milliseconds {
        case ..<1_000: return "\(milliseconds)ms"
        case ..<60_000: return "\(milliseconds / 1_000).\(padded(milliseconds / 10 % 100))s"
        case ..<3_600_000: return "\(milliseconds / 60_000)m\(padded(milliseconds / 1_000 % 60))s"
        case ..<86_400_000: return "\(milliseconds / 3_600_000)h\(padded(milliseconds / 60_000 % 60))m"
        default: return "\(milliseconds / 86_400_000)d\(padded(milliseconds / 3_600_000 % 24))h"
        }
    }

    /// A moment to the second: `2026-11-22T19:00:01Z`.
    static func moment(_ unixNanoseconds: Int64) -> String {
        String(exactMoment(unixNanoseconds).prefix(19)) + "Z"
    }

    /// A moment to the millisecond: `2026-11-22T19:00:01.123Z`.
    static func exactMoment(_ unixNanoseconds: Int64) -> String {
        var bytes: [UInt8] = []
        bytes.append(timestampOfUnixNanoseconds: unixNanoseconds)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Text of other programs, made safe to show.
enum SafeText {
    /// The text without what could make a second line, or steer a terminal.
    static func line(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var safe = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { safe.append(isUnsafe(scalar) ? "\u{FFFD}" : scalar) }
        return String(safe)
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
