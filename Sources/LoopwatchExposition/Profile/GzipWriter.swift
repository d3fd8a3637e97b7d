// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Wraps bytes as a gzip file (RFC 1952) without compressing them: deflate's stored blocks (RFC 1951, 3.2.4).
///
/// The readers of pprof profiles expect gzip; a compressor would be a dependency, or much code for files this small.
enum GzipWriter {
    /// Most bytes of one stored block: its length has 16 bits.
    private static let blockBytes = 65_535

    /// Appends bytes as one gzip member.
    static func write(_ bytes: [UInt8], into buffer: inout [UInt8]) {
        // Magic number, method deflate, no flags, no time, no extra flags, unknown system.
        buffer.append(contentsOf: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255])
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(blockBytes)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            buffer.append(rest.isEmpty ? 1 : 0)
            append(UInt32(length) | UInt32(~length) << 16, to: &buffer)
            buffer.append(contentsOf: block)
        } while !rest.isEmpty
        append(checksum(of: bytes), to: &buffer)
        append(UInt32(truncatingIfNeeded: bytes.count), to: &buffer)
    }

    /// CRC-32 as gzip has it (RFC 1952, 8): reflected, polynomial 0xEDB88320.
    static func checksum(of bytes: some Sequence<UInt8>) -> UInt32 {
        var checksum = ~UInt32(0)
        for byte in bytes {
            checksum = table[Int((checksum ^ UInt32(byte)) & 0xFF)] ^ (checksum >> 8)
        }
        return ~checksum
    }

    /// The remainders of all bytes.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { remainder, _ in
            remainder & 1 == 1 ? 0xEDB8_8320 ^ (remainder >> 1) : remainder >> 1
        }
    }

    /// Appends four bytes, the lowest first.
    private static func append(_ value: UInt32, to buffer: inout [UInt8]) {
        for shift in [0, 8, 16, 24] as [UInt32] { buffer.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}
