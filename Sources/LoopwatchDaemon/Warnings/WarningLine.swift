// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition

/// Writes a warning that came as JSON as the line that the log has of it.
enum WarningLine {
    /// The line, without its line feed; `nil` for an object that is no warning.
    static func text(of warning: JSON5Value) -> String? {
        guard let time = warning["time"]?.string, let message = warning["message"]?.string,
            let state = warning["state"]?.string, let cause = warning["cause"]?.string,
            let stall = warning["stall"]?.unsigned
        else { return nil }
        let process = warning["process"]?.string ?? ""
        var line = Line(text: "\(time) \(level(of: warning)) \(message)")
        line.add("target", warning["loop"]?.string ?? warning["pool"]?.string ?? process)
        // Loopwatch grades its evidence only where it watches another process, and names that only there.
        if let evidence = warning["evidence"]?.string {
            line.add("process", process)
            line.add("pid", warning["pid"]?.integer.map { "\($0)" })
            line.add("state", state)
            line.add("cause", cause)
            line.add("evidence", evidence)
        } else {
            line.add("state", state)
            line.add("cause", cause)
        }
        line.add("at_most", warning["blocked_ms_most"].flatMap(milliseconds))
        line.add("cpu", warning["cpu"]?.number.map { "\(Int(($0 * 100).rounded()))%" })
        line.add("thread", warning["tid"]?.integer.map { "\($0)" })
        line.add("waiting", warning["waiting"]?.integer.map { "\($0)" })
        line.add("priority", warning["priority"]?.string)
        line.add("task", warning["job"]?["task"]?.unsigned.map { "\($0)" })
        line.add("name", warning["job"]?["name"]?.string)
        if let interrupted = warning["interrupted_ms"], interrupted.number ?? 0 > 0 {
            line.add("interrupted", milliseconds(interrupted))
        }
        if let suppressed = warning["suppressed"]?.unsigned, suppressed > 0 { line.add("suppressed", "\(suppressed)") }
        line.add("stall", "\(stall)")
        line.add("why", warning["why"]?.string?.clipped(toBytes: Limits.sentenceBytesInLine))
        line.add("on", warning["cause_detail"]?.string?.clippedAtStart(toBytes: Limits.nameBytesInLine))
        if let stack = WarningJSONReader.stack(of: warning) {
            line.add("at", stack.blamed.map { StackLineWriter.place(of: $0) })
            let callers = StackLineWriter.callers(of: stack)
            if !callers.isEmpty { line.add("via", callers) }
        }
        if let reason = warning["stack_omitted"]?.string {
            line.add("stack", "omitted: " + reason.clipped(toBytes: Limits.nameBytesInLine))
        }
        return line.text
    }

    private struct Line {
        var text: String

        mutating func add(_ key: String, _ value: String?) {
            guard let value else { return }
            var bytes: [UInt8] = []
            bytes.append(logfmtValue: value)
            text += " \(key)=" + String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func level(of warning: JSON5Value) -> String {
        if warning["kind"]?.string == "interruption" { return "INFO" }
        return switch warning["severity"]?.string {
        case "error": "ERROR"
        case "critical": "CRITICAL"
        default: "WARN"
        }
    }

    /// Whole milliseconds, at least one.
    private static func milliseconds(_ value: JSON5Value) -> String? {
        value.number.map { "\(max(1, Int64($0.rounded())))ms" }
    }
}
