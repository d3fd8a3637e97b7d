// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Executable memory that belongs to no file: what just-in-time compilers write.
struct AnonymousCode: Equatable {
    /// Address of the first byte.
    var start: UInt64
    /// Address after the last.
    var end: UInt64

    /// Such ranges of a table of mappings (`/proc/PID/maps`), ranges that follow one another put together.
    static func ranges(maps text: some Collection<UInt8>) -> [AnonymousCode] {
        var ranges: [AnonymousCode] = []
        for line in text.split(separator: 10) {
            let fields = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count >= 5, fields[4].elementsEqual([48]), let permission = fields[1].dropFirst(2).first,
                permission == UInt8(ascii: "x"), fields[1].first == UInt8(ascii: "r"),
                // [vdso] has symbols, [vsyscall] cannot be read; [anon:...] is memory that was given a name.
                fields.count < 6 || !fields[5].contains(UInt8(ascii: "[")) || fields[5].starts(with: "[anon".utf8),
                let dash = fields[0].firstIndex(of: UInt8(ascii: "-")),
                let start = UInt64(String(decoding: fields[0][..<dash], as: UTF8.self), radix: 16),
                case let rest = fields[0][dash...].dropFirst(),
                let end = UInt64(String(decoding: rest, as: UTF8.self), radix: 16), start < end
            else { continue }
            if let last = ranges.last, last.end == start {
                ranges[ranges.count - 1].end = end
            } else if ranges.count < RemoteStackLimits.anonymousCodeRanges {
                ranges.append(AnonymousCode(start: start, end: end))
            }
        }
        return ranges
    }
}
