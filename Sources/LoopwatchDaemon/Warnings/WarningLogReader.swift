// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Reads the lines of logs of warnings, whatever form each has, and counts those that it does not understand.
struct WarningLogReader {
    /// What a line came to.
    struct Counts: Equatable {
        /// Lines with something in them.
        var lines = 0
        /// Warnings that were read.
        var warnings = 0
        /// Lines about Loopwatch itself, and events of the live tail.
        var notes = 0
        /// Lines that are neither.
        var notUnderstood = 0
        /// Files whose last line has no end, and is no warning as it is.
        var cutOff = 0
        /// Warnings that the writer says are missing: gaps of the live tail.
        var missed: UInt64 = 0
        /// The first line that is not understood.
        var example: String?
    }

    private(set) var counts = Counts()

    /// Reads one line; calls back with each warning in it.
    ///
    /// - Parameters:
    ///   - line: the line without its end; `nil` for one that was too long.
    ///   - isComplete: whether it has its end.
    mutating func read(_ line: ArraySlice<UInt8>?, isComplete: Bool = true, _ found: (WarningRecord) -> Void) {
        guard let line else {
            counts.lines += 1
            counts.notUnderstood += 1
            return
        }
        guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0 }) else { return }
        counts.lines += 1
        if let record = WarningLineReader.read(line, isComplete: isComplete) {
            counts.warnings += 1
            return found(record)
        }
        if let start = line.firstIndex(of: 0x7B), let value = Self.object(line[start...]) {
            return read(value, found)
        }
        guard isComplete else {
            counts.cutOff += 1
            return
        }
        if Self.isNote(line) {
            counts.notes += 1
            return
        }
        counts.notUnderstood += 1
        if counts.example == nil { counts.example = String(decoding: line.prefix(120), as: UTF8.self) }
    }

    private mutating func read(_ object: JSON5Value, _ found: (WarningRecord) -> Void) {
        if let record = WarningJSONReader.read(object) {
            counts.warnings += 1
            found(record)
        } else if let event = object["event"]?.string {
            counts.notes += 1
            if event == "gap" { counts.missed = counts.missed.sum(object["missed"]?.unsigned ?? 0) }
        } else if object["schema"] != nil, object["warnings"] != nil {
            // The document of /warnings.
            counts.missed = counts.missed.sum(object["lost"]?.unsigned ?? 0)
            for record in (object["warnings"]?.elements ?? []).compactMap(WarningJSONReader.read) {
                counts.warnings += 1
                found(record)
            }
        } else {
            counts.notUnderstood += 1
        }
    }

    /// The JSON object that a line has; what stands before it was put there by what passed it on.
    private static func object(_ bytes: ArraySlice<UInt8>) -> JSON5Value? {
        guard let value = JSON5Value(json: bytes), case .object = value.content else { return nil }
        return value
    }

    /// Whether a line is about Loopwatch itself, the demo's, or one that frames server-sent events.
    private static func isNote(_ line: ArraySlice<UInt8>) -> Bool {
        let starts = ["loopwatch: ", "demo: ", "retry: ", "id: ", "event: ", ": hb"]
        if starts.contains(where: { line.starts(with: $0.utf8) }) { return true }
        // Through syslog, the program's name and its number stand before what it says.
        return String(decoding: line.prefix(200), as: UTF8.self).contains(": loopwatch: ")
    }
}
