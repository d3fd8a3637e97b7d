// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The bytes of a file, by offset, read with pread(2) as they are needed: nothing of it is mapped, so that a file that is
/// truncated meanwhile only ends sooner.
package final class FileMemory: ReadableMemory {
    private let descriptor: CInt
    /// What tells the file from others, and from itself as it was before it was written anew.
    let identity: Identity

    /// What tells a file from others.
    struct Identity: Hashable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modifiedSeconds: Int64
        let modifiedNanoseconds: Int64
    }

    /// Opens a regular file; `nil` if it cannot be read.
    package init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        identity = Identity(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            size: Int64(status.st_size),
            modifiedSeconds: Int64(status.st_mtim.tv_sec),
            modifiedNanoseconds: Int64(status.st_mtim.tv_nsec)
        )
    }

    deinit { close(descriptor) }

    package func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        while done < buffer.count {
            let (place, overflow) = address.addingReportingOverflow(UInt64(done))
            guard !overflow, let offset = off_t(exactly: place) else { break }
            let count = retryingInterrupted {
                pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset)
            }
            guard count > 0 else { break }
            done += count
        }
        return done
    }
}
