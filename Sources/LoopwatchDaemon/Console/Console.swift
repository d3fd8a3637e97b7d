// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchPlatform
internal import Synchronization

/// Standard output or standard error, written to a line at a time and at once.
///
/// Nothing is buffered, so that a pipe sees each line when it is written.
final class Console: Sendable {
    /// One of the two streams.
    enum Stream: Int32 {
        /// What was asked for.
        case standardOutput = 1
        /// What went wrong.
        case standardError = 2
    }

    private struct Storage {
        var isClosed = false
        var failure: SystemError?
        var whenClosed: (@Sendable () -> Void)?
    }

    private let descriptor: CInt
    private let storage = Mutex(Storage())

    /// Creates a console on a stream; the stream stays open when it goes.
    init(_ stream: Stream) {
        descriptor = stream.rawValue
    }

    /// Why lines were lost; `nil` if none were, or if the reader has just gone, which is a way to end the program.
    var failure: SystemError? { storage.withLock { $0.failure } }

    /// Sets what to do when no line can be written any more (`nil`: nothing).
    ///
    /// It is called once, on the thread whose line was lost.
    func onClose(_ action: (@Sendable () -> Void)?) {
        storage.withLock { $0.whenClosed = action }
    }

    /// Writes one line; what could make a second one, or steer a terminal, is replaced.
    func line(_ text: String) {
        var safe = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            safe.append(isControl ? "\u{FFFD}" : scalar)
        }
        write(String(safe) + "\n")
    }

    /// Writes text as it is.
    ///
    /// A text that cannot be written is lost: there is nowhere left to say so. The callers' threads block `SIGPIPE`, so
    /// that a reader that has gone is an error and not the end of the process.
    func write(_ text: String) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = retryingInterrupted {
                bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            }
            if count < 0, errno == EAGAIN {
                // Someone who shares the terminal or the pipe made it non-blocking.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&entry, 1, -1)
                continue
            }
            guard count > 0 else { return close(code: errno) }
            written += count
        }
    }

    private func close(code: CInt) {
        let action = storage.withLock { storage -> (@Sendable () -> Void)? in
            guard !storage.isClosed else { return nil }
            storage.isClosed = true
            // EIO is what a terminal answers that has hung up (tty_ioctl(4)).
            if code != EPIPE, code != EIO {
                storage.failure = SystemError(operation: "write to standard output", code: code)
            }
            return storage.whenClosed
        }
        action?()
    }
}
