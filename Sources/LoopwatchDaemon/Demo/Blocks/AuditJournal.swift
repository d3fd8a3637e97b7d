// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// A journal that is flushed to the disk before the handler goes on.
enum AuditJournal {
    private static let batchBytes = 32 << 20
    /// Most batches, so that a fast disk is not worn out.
    private static let batches = 4
    private static let recordBytes = 4_096

    /// Writes and flushes some tens of megabytes, and goes on until it has taken at least so long.
    ///
    /// The file has no name any more once it is open, so that it is gone when the process is, however that ends.
    ///
    /// - Throws: ``SystemError`` when the temporary folder takes no such file.
    @inline(never)
    static func flushJournal(leastNanoseconds: Int64) throws {
        let folder = ProcessEnvironment.variables()["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let path = "\(folder)/loopwatch-demo-\(getpid()).journal"
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SystemError(operation: "open \(path)") }
        defer { close(descriptor) }
        unlink(path)
        let start = Clock.now()
        func elapsed() -> Int64 { Clock.now().nanoseconds(since: start) }
        let batch = [UInt8](repeating: 0x2E, count: batchBytes)
        var written = 0
        repeat {
            // A disk that is so fast that it takes all batches goes on with single records.
            let bytes = written < batches ? batch[...] : batch.prefix(recordBytes)
            try overwrite(descriptor, path, with: bytes)
            written += 1
        } while elapsed() < leastNanoseconds
    }

    private static func overwrite(_ file: CInt, _ path: String, with bytes: ArraySlice<UInt8>) throws {
        let count = retryingInterrupted { bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) } }
        guard count == bytes.count else {
            throw SystemError(operation: "write \(path)", code: count < 0 ? errno : ENOSPC)
        }
        guard retryingInterrupted({ fsync(file) }) == 0 else { throw SystemError(operation: "fsync \(path)") }
    }
}
