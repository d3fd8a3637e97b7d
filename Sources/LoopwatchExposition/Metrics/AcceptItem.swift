// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One media range of an `Accept` header.
struct AcceptItem {
    /// Type and subtype in lower case, such as `text/plain`.
    var mediaType: String
    /// The parameter `version`.
    var version: String?
    /// The parameter `escaping`, if it is one of the four known schemes; any other text is never repeated in an answer.
    var escaping: String?
    /// The parameter `q` in thousandths.
    var quality: Int = 1_000

    /// Most bytes of a header that are read.
    static let headerBytesMaximum = 1_024
    /// Most items of a header that are read.
    static let itemsMaximum = 32
    /// The rank of `*/*`.
    static let rankOfAnything = 0

    /// How specifically this names OpenMetrics; `nil` if it does not match.
    var openMetricsRank: Int? {
        rank(type: "application/openmetrics-text", wildcard: nil, version: "1.0.0", compatible: "0.0.1")
    }

    /// How specifically this names the text format; `nil` if it does not match.
    var prometheusTextRank: Int? {
        rank(type: "text/plain", wildcard: "text/*", version: "0.0.4", compatible: "1.0.0")
    }

    /// Ranks a match: our version, no version, a version that ours can stand for, any subtype, anything.
    private func rank(type: String, wildcard: String?, version offered: String, compatible: String) -> Int? {
        if mediaType == type {
            guard let version else { return 3 }
            if version == offered { return 4 }
            return version == compatible ? 2 : nil
        }
        if mediaType == wildcard { return 1 }
        return mediaType == "*/*" ? Self.rankOfAnything : nil
    }

    /// Reads a header; malformed items are left out, and so is what exceeds the limits.
    static func parse(_ header: String) -> [AcceptItem] {
        let bytes = header.utf8.prefix(headerBytesMaximum)
        var items = split(bytes, at: 0x2C)
        // The limit may have cut the last item in two.
        if bytes.count < header.utf8.count { items.removeLast() }
        return items.prefix(itemsMaximum).compactMap { AcceptItem($0) }
    }

    /// Reads one item; `nil` if it is malformed.
    private init?(_ bytes: Substring.UTF8View) {
        let parts = Self.split(bytes, at: 0x3B).map { Self.trimmed($0) }
        guard let range = parts.first, let slash = range.firstIndex(of: 0x2F), slash != range.startIndex,
            range.index(after: slash) != range.endIndex, range.allSatisfy({ Self.isTokenByte($0) || $0 == 0x2F })
        else { return nil }
        mediaType = Substring(range).lowercased()
        var seenQuality = false
        for part in parts.dropFirst() where !part.isEmpty {
            guard let equals = part.firstIndex(of: 0x3D) else { continue }
            let name = Substring(Self.trimmed(part[..<equals])).lowercased()
            guard let value = Self.unquoted(Self.trimmed(part[part.index(after: equals)...])) else { return nil }
            switch name {
            case "version" where version == nil: version = value
            case "escaping" where escaping == nil && ["allow-utf-8", "underscores", "dots", "values"].contains(value):
                escaping = value
            case "q" where !seenQuality:
                guard let thousandths = Self.quality(value) else { return nil }
                quality = thousandths
                seenQuality = true
            default: break
            }
        }
    }

    /// Splits at a separator outside of quotes.
    private static func split(_ bytes: Substring.UTF8View, at separator: UInt8) -> [Substring.UTF8View] {
        var parts: [Substring.UTF8View] = []
        var start = bytes.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in bytes.indices {
            let byte = bytes[index]
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == 0x5C {
                isEscaped = true
            } else if byte == 0x22 {
                isQuoted.toggle()
            } else if byte == separator, !isQuoted {
                parts.append(bytes[start..<index])
                start = bytes.index(after: index)
            }
        }
        parts.append(bytes[start...])
        return parts
    }

    /// Cuts spaces and tabs off both ends.
    private static func trimmed(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }),
            let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return bytes[bytes.endIndex...] }
        return bytes[first...last]
    }

    /// Reads a token or a quoted string; `nil` if the quotes do not close at the end.
    private static func unquoted(_ bytes: Substring.UTF8View) -> String? {
        guard bytes.first == 0x22 else { return String(Substring(bytes)) }
        var text: [UInt8] = []
        var isEscaped = false
        var rest = bytes.dropFirst()
        while let byte = rest.popFirst() {
            if isEscaped {
                text.append(byte)
                isEscaped = false
            } else if byte == 0x5C {
                isEscaped = true
            } else if byte == 0x22 {
                return rest.isEmpty ? String(decoding: text, as: UTF8.self) : nil
            } else {
                text.append(byte)
            }
        }
        return nil
    }

    /// Reads a quality from 0 to 1 in thousandths; further digits are cut off.
    private static func quality(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, first == 0x30 || first == 0x31 else { return nil }
        guard bytes.count == 1 || bytes[1] == 0x2E else { return nil }
        var thousandths = first == 0x31 ? 1_000 : 0
        var weight = 100
        for byte in bytes.dropFirst(2) {
            guard first == 0x30 ? (0x30...0x39).contains(byte) : byte == 0x30 else { return nil }
            thousandths += Int(byte - 0x30) * weight
            weight /= 10
        }
        return thousandths
    }

    /// Whether a byte may stand in a token (RFC 9110, section 5.6.2).
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
