// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Reads a file from its beginning to its end, once.
package enum WholeFile {
    /// The bytes of a file, cut to a limit; none if it cannot be read.
    ///
    /// For files under /proc whose text is made record by record: the kernel hands out about a page of it with each call.
    package static func bytes(at path: String, atMost bytesMost: Int) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < bytesMost {
            let count = retryingInterrupted { read(descriptor, &piece, min(piece.count, bytesMost - bytes.count)) }
            guard count > 0 else { break }
            bytes += piece.prefix(count)
        }
        return bytes
    }
}
