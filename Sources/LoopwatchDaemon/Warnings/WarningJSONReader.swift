// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchExposition

/// Reads a warning that `WarningJSONWriter` wrote.
enum WarningJSONReader {
    /// The warning of an object; `nil` if it is none.
    static func read(_ object: JSON5Value) -> WarningRecord? {
        guard let identifier = object["id"]?.string,
            let state = object["state"]?.string.flatMap({ StallReport.State(rawValue: $0) }),
            let kind = object["kind"]?.string.flatMap({ StallReport.Kind(rawValue: $0) }),
            let time = object["time"]?.string.flatMap({ TimeText.unixNanoseconds(of: $0) }),
            let began = object["began"]?.string.flatMap({ TimeText.unixNanoseconds(of: $0) }),
            let nanoseconds = object["blocked_ms"]?.nanosecondsOfMilliseconds,
            let cause = object["cause"]?.string, let stall = object["stall"]?.unsigned
        else { return nil }
        let target = object["loop"]?.string ?? object["pool"]?.string
        let stack = stack(of: object)
        let processName = object["process"]?.string
        return WarningRecord(
            run: identifier.lastIndex(of: "-").map { String(identifier[..<$0]) },
            process: object["pid"]?.integer.flatMap { Int32(exactly: $0) },
            stall: stall,
            state: state,
            kind: kind,
            subject: object["loop"] != nil ? .loop : object["pool"] != nil ? .pool : .process,
            target: target ?? processName ?? "",
            // Loopwatch grades its evidence only where it watches another process.
            processName: object["evidence"] == nil ? nil : processName,
            thread: object["tid"]?.integer.flatMap { Int32(exactly: $0) },
            unixNanoseconds: time,
            beganUnixNanoseconds: began,
            nanoseconds: nanoseconds,
            cause: cause,
            suppressed: object["suppressed"]?.unsigned ?? 0,
            place: stack?.blamed.map { StackLineWriter.place(of: $0) } ?? placeOfGroups(object),
            stack: stack
        )
    }

    /// The frames that an object has; `nil` without any.
    static func stack(of object: JSON5Value) -> Stack? {
        if case .array(let values)? = object["stack"]?.content {
            let frames = values.prefix(Limits.framesInStack).compactMap(frame)
            if !frames.isEmpty {
                return Stack(frames: frames, isTruncated: object["stack_truncated"]?.boolean ?? false)
            }
        }
        return object["at"].flatMap(frame).map { Stack(frames: [$0], isTruncated: true) }
    }

    private static func placeOfGroups(_ object: JSON5Value) -> String? {
        guard case .array(let groups)? = object["groups"]?.content else { return nil }
        return groups.lazy.compactMap { $0["at"].flatMap(frame) }.first.map { StackLineWriter.place(of: $0) }
    }

    private static func frame(_ object: JSON5Value) -> StackFrame? {
        guard let function = object["function"]?.string else { return nil }
        return StackFrame(
            function: function,
            file: object["file"]?.string,
            line: object["line"]?.integer.flatMap { Int(exactly: $0) },
            module: object["module"]?.string ?? "",
            moduleOffset: object["offset"]?.hexadecimal ?? 0,
            address: object["address"]?.hexadecimal ?? 0,
            origin: object["origin"]?.string.flatMap { StackFrame.Origin(rawValue: $0) } ?? .unknown,
            link: object["link"]?.string.flatMap { StackFrame.Link(rawValue: $0) } ?? .call,
            isUncertain: object["uncertain"]?.boolean ?? false
        )
    }
}
