// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Executable memory.
struct CodeRange: Equatable {
    /// Address of the first byte.
    var start: UInt64
    /// Address after the last.
    var end: UInt64

    /// The ranges of a table of mappings (`/proc/PID/maps`), ranges that follow one another put together.
    static func all(maps text: some Collection<UInt8>) -> [CodeRange] {
        var ranges: [CodeRange] = []
        for line in text.split(separator: 10) {
            let fields = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count >= 5, let permission = fields[1].dropFirst(2).first,
                // [vsyscall] cannot be read.
                permission == UInt8(ascii: "x"), fields[1].first == UInt8(ascii: "r"),
                let dash = fields[0].firstIndex(of: UInt8(ascii: "-")),
                let start = UInt64(String(decoding: fields[0][..<dash], as: UTF8.self), radix: 16),
                case let rest = fields[0][dash...].dropFirst(),
                let end = UInt64(String(decoding: rest, as: UTF8.self), radix: 16), start < end
            else { continue }
            if let last = ranges.last, last.end == start {
                ranges[ranges.count - 1].end = end
            } else if ranges.count < RemoteStackLimits.codeRanges {
                ranges.append(CodeRange(start: start, end: end))
            }
        }
        return ranges
    }

    /// The parts of ranges that binaries do not account for: what just-in-time compilers write, and copies of a binary's
    /// code elsewhere, as V8 makes one of its own (`short_builtin_calls`).
    ///
    /// - Parameters:
    ///   - ranges: the ranges, in ascending order.
    ///   - binaries: the code of binaries, in ascending order.
    static func unaccounted(_ ranges: [CodeRange], binaries: [CodeRange]) -> [CodeRange] {
        var result: [CodeRange] = []
        for range in ranges {
            var start = range.start
            for binary in binaries where binary.end > start && binary.start < range.end {
                if binary.start > start { result.append(CodeRange(start: start, end: binary.start)) }
                start = max(start, binary.end)
            }
            if start < range.end { result.append(CodeRange(start: start, end: range.end)) }
        }
        return result
    }
}
