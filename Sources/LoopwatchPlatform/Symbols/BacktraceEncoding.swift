// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Writes addresses and binaries in the forms that `Runtime.Backtrace` decodes: swift/stdlib/public/RuntimeModule,
/// CompactBacktrace.swift and CompactImageMap.swift.
enum BacktraceEncoding {
    /// One address, as a program counter that is looked up exactly as given.
    ///
    /// 0x02: version 0, words of 64 bits; 0x1f: a program counter, absolute, 8 bytes; 0x00: the end. (0x2f would be a
    /// return address, from which the runtime subtracts one, and traps on zero.)
    static func backtrace(of address: UInt64) -> String { base64([0x02, 0x1f] + bigEndian(address) + [0x00]) }

    /// Binaries, in ascending order of their addresses.
    ///
    /// 0x02: version 0, words of 64 bits; the platform's name with its length (since 6.2, before it there was none);
    /// their number; and for each 0x3f (two absolute words of 8 bytes), its first address, its length, no build ID, and
    /// its path in pieces of at most 63 bytes, which a zero ends.
    static func images(_ images: [LoadedImage], platform: String?) -> String {
        var bytes: [UInt8] = [0x02]
        if let platform { bytes += count(platform.utf8.count) + Array(platform.utf8) }
        bytes += count(images.count)
        for image in images {
            bytes += [0x3f] + bigEndian(image.base) + bigEndian(image.textEnd &- image.base) + [0]
            var rest = Array(image.path.utf8)[...]
            while !rest.isEmpty {
                let piece = rest.prefix(63)
                bytes.append(UInt8(piece.count))
                bytes += piece
                rest = rest.dropFirst(piece.count)
            }
            bytes.append(0)
        }
        return base64(bytes)
    }

    private static func bigEndian(_ word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }

    /// A number in groups of seven bits, the highest first, of which all but the last have the highest bit set.
    private static func count(_ number: Int) -> [UInt8] {
        var groups = [UInt8(truncatingIfNeeded: number & 0x7f)]
        var rest = max(0, number) >> 7
        while rest > 0 {
            groups.append(UInt8(truncatingIfNeeded: rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return groups.reversed()
    }

    /// Base64 of RFC 4648, section 4.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var rest = bytes[...]
        while !rest.isEmpty {
            let group = rest.prefix(3)
            let word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for position in 0..<4 {
                let isPadding = position > group.count
                text.append(isPadding ? 61 : alphabet[Int(word >> (18 - 6 * UInt32(position)) & 63)])
            }
            rest = rest.dropFirst(3)
        }
        return String(decoding: text, as: UTF8.self)
    }
}
