// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The text, or its beginning and `...` where it is longer than a number of bytes; never half a character.
    package func clipped(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        return Self.whole(utf8.prefix(Swift.max(0, limit - 3))) + "..."
    }

    /// The text, or `...` and its end where it is longer than a number of bytes: a path is told by its end.
    package func clippedAtStart(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        // Bytes that continue a character whose start is cut off say nothing.
        return "..." + Self.whole(utf8.suffix(Swift.max(0, limit - 3)).drop { $0 & 0xC0 == 0x80 })
    }

    /// The last part of a path.
    var lastPathComponent: Substring {
        split(separator: "/").last ?? self[...]
    }

    /// Decodes bytes without the character at their end that is cut off.
    private static func whole(_ bytes: Substring.UTF8View) -> String {
        var end = bytes.endIndex
        while end > bytes.startIndex, String(bytes[..<end]) == nil { end = bytes.index(before: end) }
        return String(bytes[..<end]) ?? ""
    }
}
