// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A connection; non-blocking, closed on exec, closed when the last reference goes.
package final class StreamSocket: Sendable {
    private let owned: Descriptor

    /// The descriptor, for waiting on it together with others.
    package var descriptor: CInt { owned.number }

    /// Takes over an accepted connection.
    init(_ descriptor: Descriptor) {
        owned = descriptor
        // Answers are written whole, so there is nothing to gain from waiting for more. Fails on a Unix socket.
        setOption(descriptor.number, CInt(IPPROTO_TCP), TCP_NODELAY)
    }

    /// Reads what has come into the buffer.
    package func receive(into buffer: inout [UInt8]) -> TransferResult {
        let count = retryingInterrupted {
            buffer.withUnsafeMutableBytes { recv(owned.number, $0.baseAddress, $0.count, 0) }
        }
        if count > 0 { return .moved(count) }
        if count == 0 { return .ended }
        return errno == EAGAIN ? .wouldBlock : .failed
    }

    /// Writes as much as the kernel takes.
    package func send(_ bytes: ArraySlice<UInt8>) -> TransferResult {
        // MSG_NOSIGNAL: a client that is gone must not send SIGPIPE to the host.
        let count = retryingInterrupted {
            bytes.withUnsafeBytes { Glibc.send(owned.number, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        }
        if count >= 0 { return .moved(count) }
        return errno == EAGAIN ? .wouldBlock : .failed
    }

    /// Tells the client that nothing more comes, while still reading.
    package func shutDownWriting() {
        shutdown(owned.number, CInt(SHUT_WR))
    }

    /// Closes the connection; a second call does nothing.
    package func close() {
        owned.close()
    }
}

/// What became of reading or writing.
package enum TransferResult: Equatable, Sendable {
    /// So many bytes were moved.
    case moved(Int)
    /// The other side sends nothing more.
    case ended
    /// Nothing can be moved now.
    case wouldBlock
    /// The connection is broken.
    case failed
}
