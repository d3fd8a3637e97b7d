// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A file under /proc that is kept open and read again and again from its beginning: cheaper than opening it each time.
package final class ProcFile: Sendable {
    private let descriptor: CInt

    /// Opens a file; `nil` if it does not exist or may not be read.
    package init?(path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// The descriptor, for calls of C; belongs to this object.
    var fileDescriptor: CInt { descriptor }

    /// Reads the beginning of the file into a buffer; returns the number of bytes, 0 when the thread it tells of is gone.
    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, retryingInterrupted { pread(descriptor, buffer.baseAddress, buffer.count, 0) })
    }

    /// Reads up to the given number of bytes.
    package func bytes(atMost capacity: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            count = read(into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
