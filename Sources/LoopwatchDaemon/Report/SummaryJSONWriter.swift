// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition

/// Writes a summary as one JSON document of one line.
enum SummaryJSONWriter {
    /// The document, with its line feed.
    static func text(_ summary: BlockedTimeSummary, _ reading: ReadingResult, limit: Int) -> String {
        var json: [UInt8] = Array(#"{"schema":1,"files":\#(reading.files),"lines":\#(reading.counts.lines)"#.utf8)
        json += Array(
            #","warnings":\#(reading.counts.warnings),"not_understood":\#(reading.counts.notUnderstood)"#.utf8
        )
        json += Array(#","cut_off":\#(reading.counts.cutOff),"missed":\#(reading.counts.missed)"#.utf8)
        json += Array(#","left_out":\#(reading.leftOut),"stalls":\#(summary.stalls),"blocked_ms":"#.utf8)
        json.append(jsonMillisecondsOfNanoseconds: summary.nanoseconds)
        json += Array(#","suppressed":\#(summary.suppressed),"interruptions":\#(summary.interruptions)"#.utf8)
        json += Array(#","interrupted_ms":"#.utf8)
        json.append(jsonMillisecondsOfNanoseconds: summary.interruptedNanoseconds)
        if let first = summary.firstUnixNanoseconds { append(first, "first", to: &json) }
        if let last = summary.lastUnixNanoseconds { append(last, "last", to: &json) }
        json += Array(#","culprits":["#.utf8)
        for (index, culprit) in summary.culprits.prefix(limit).enumerated() {
            if index > 0 { json.append(0x2C) }
            append(culprit, share: summary.share(of: culprit), to: &json)
        }
        json += Array("]}\n".utf8)
        return String(decoding: json, as: UTF8.self)
    }

    private static func append(_ culprit: BlockedTimeSummary.Culprit, share: Double, to json: inout [UInt8]) {
        json += Array(#"{"at":"#.utf8)
        json.append(jsonString: culprit.place)
        json += Array(#","stalls":\#(culprit.stalls),"unfinished":\#(culprit.unfinished),"blocked_ms":"#.utf8)
        json.append(jsonMillisecondsOfNanoseconds: culprit.nanoseconds)
        json += Array(#","share":\#((share * 10_000).rounded() / 10_000),"longest_ms":"#.utf8)
        json.append(jsonMillisecondsOfNanoseconds: culprit.longestNanoseconds)
        append(culprit.causesByTime, "causes", "cause", to: &json)
        append(culprit.targetsByTime, "targets", "target", to: &json)
        append(culprit.firstUnixNanoseconds, "first", to: &json)
        append(culprit.lastUnixNanoseconds, "last", to: &json)
        json.append(0x7D)
    }

    private static func append(
        _ times: [(name: String, nanoseconds: Int64)],
        _ list: String,
        _ key: String,
        to json: inout [UInt8]
    ) {
        json += Array(#","\#(list)":["#.utf8)
        for (index, time) in times.enumerated() {
            if index > 0 { json.append(0x2C) }
            json += Array(#"{"\#(key)":"#.utf8)
            json.append(jsonString: time.name)
            json += Array(#","blocked_ms":"#.utf8)
            json.append(jsonMillisecondsOfNanoseconds: time.nanoseconds)
            json.append(0x7D)
        }
        json.append(0x5D)
    }

    private static func append(_ unixNanoseconds: Int64, _ key: String, to json: inout [UInt8]) {
        json += Array(#","\#(key)":"\#(TimeSpan.exactMoment(unixNanoseconds))""#.utf8)
    }
}
