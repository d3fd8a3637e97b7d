// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Reads a line of the log, as `WarningLineWriter` writes it.
///
/// ```
/// 2026-11-22T19:00:01.123Z WARN loop blocked for 312ms target=http-0 state=ended cause=lock cpu=1% stall=42
/// ```
///
/// What stands before the time does not matter: a line may have been through syslog, or have begun where another was cut
/// off.
enum WarningLineReader {
    /// The length of `2026-11-22T19:00:01.123Z`, in bytes.
    private static let timeBytes = 24

    /// Reads a line without its line feed; `nil` for what is no warning.
    ///
    /// - Parameters:
    ///   - line: the bytes.
    ///   - isComplete: whether the line has its end: of one that is cut off the last field is not believed.
    static func read(_ line: ArraySlice<UInt8>, isComplete: Bool = true) -> WarningRecord? {
        // The last one first: what was cut off may stand before a warning on the same line.
        for start in starts(in: line).reversed() {
            if let record = read(at: start, in: line, isComplete: isComplete) { return record }
        }
        return nil
    }

    /// Where a time stands that a warning may begin with.
    private static func starts(in line: ArraySlice<UInt8>) -> [Int] {
        guard line.count > timeBytes else { return [] }
        var starts: [Int] = []
        for index in line.startIndex..<(line.endIndex - timeBytes) {
            guard line[index + 10] == 0x54, line[index + 4] == 0x2D, line[index + 7] == 0x2D,
                line[index + 13] == 0x3A, line[index + 16] == 0x3A, line[index + 19] == 0x2E,
                line[index + 23] == 0x5A, line[index + 24] == 0x20
            else { continue }
            starts.append(index)
        }
        return starts
    }

    private static func read(at start: Int, in line: ArraySlice<UInt8>, isComplete: Bool) -> WarningRecord? {
        let time = String(decoding: line[start..<start + timeBytes], as: UTF8.self)
        guard let unixNanoseconds = TimeText.unixNanoseconds(of: time) else { return nil }
        var words = LogfmtFields(line[(start + timeBytes + 1)...], isComplete: isComplete)
        guard let level = words.word(), ["INFO", "WARN", "ERROR", "CRITICAL"].contains(level),
            let subject = words.word().flatMap({ StallReport.Subject(rawValue: $0) }),
            let (kind, nanoseconds) = message(&words)
        else { return nil }
        let fields = words.fields()
        guard let target = fields["target"], let state = fields["state"].flatMap({ StallReport.State(rawValue: $0) }),
            let cause = fields["cause"], let stall = fields["stall"].flatMap({ UInt64($0) })
        else { return nil }
        let interrupted = fields["interrupted"].flatMap(Self.nanoseconds) ?? 0
        let stack = fields["at"].map { PlaceText.stack(at: $0, via: fields["via"] ?? "") }
        return WarningRecord(
            run: nil,
            process: fields["pid"].flatMap { Int32($0) },
            stall: stall,
            state: state,
            kind: kind,
            subject: subject,
            target: target,
            processName: fields["process"],
            thread: fields["thread"].flatMap { Int32($0) },
            unixNanoseconds: unixNanoseconds,
            beganUnixNanoseconds: unixNanoseconds - nanoseconds - interrupted,
            nanoseconds: nanoseconds,
            cause: cause,
            suppressed: fields["suppressed"].flatMap { UInt64($0) } ?? 0,
            place: fields["at"] ?? fields["why"].flatMap(PlaceText.firstPlace),
            stack: stack
        )
    }

    /// Reads `blocked for 312ms`.
    private static func message(_ words: inout LogfmtFields) -> (StallReport.Kind, Int64)? {
        var phrase: [String] = []
        while phrase.count < 5, let word = words.word() {
            if let nanoseconds = nanoseconds(word) {
                guard let kind = phrases[phrase.joined(separator: " ")] else { return nil }
                return (kind, nanoseconds)
            }
            phrase.append(word)
        }
        return nil
    }

    private static let phrases: [String: StallReport.Kind] = [
        "blocked for": .stall, "thread held for": .hold, "congested for": .congestion,
        "suspended for": .interruption, "starved of CPU for": .interruption,
    ]

    /// Reads `312ms`.
    private static func nanoseconds(_ text: String) -> Int64? {
        guard text.hasSuffix("ms"), let milliseconds = Int64(text.dropLast(2)), milliseconds >= 0,
            milliseconds <= Int64.max / 2_000_000
        else { return nil }
        return milliseconds * 1_000_000
    }
}
