// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Bytes on their way to a client.
struct OutputBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var sent = 0

    /// What is still to be written.
    var pending: ArraySlice<UInt8> { bytes[sent...] }

    /// How much is still to be written.
    var count: Int { bytes.count - sent }

    /// Whether all is written.
    var isEmpty: Bool { count == 0 }

    /// Adds bytes at the end.
    mutating func append(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }

    /// Drops what was written.
    mutating func removeFirst(_ count: Int) {
        sent = min(bytes.count, sent + max(0, count))
        if sent == bytes.count {
            bytes = []
            sent = 0
        } else if sent > bytes.count / 2 {
            // Only ever moves less than was dropped, so the cost stays proportional to what is written.
            bytes.removeFirst(sent)
            sent = 0
        }
    }
}
