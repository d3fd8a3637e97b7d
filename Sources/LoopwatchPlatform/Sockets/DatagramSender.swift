// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore

/// Sends texts to a Unix datagram socket of another program, and never waits for it.
package final class DatagramSender: Sendable {
    private let owned: Descriptor
    private let address: SocketAddress
    private let operation: String

    /// Creates a sender; nothing is sent yet, and nobody has to listen.
    ///
    /// - Parameter name: the path of the socket, from the root; or `@` and its name in the abstract namespace (unix(7)).
    /// - Throws: ``SystemError`` for another name or a longer one than a socket can have, and where no descriptor is left.
    package init(to name: String) throws {
        operation = "send to \(name)"
        let address: SocketAddress?
        switch name.first {
        case "/": address = SocketAddress(.unix(path: name))
        case "@": address = SocketAddress(abstract: name.dropFirst())
        default: throw SystemError(operation: operation, code: EAFNOSUPPORT)
        }
        guard let address else { throw SystemError(operation: operation, code: ENAMETOOLONG) }
        let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        owned = Descriptor(owning: socket(AF_UNIX, type, 0))
        guard owned.number >= 0 else { throw SystemError(operation: operation) }
        self.address = address
    }

    /// Sends one datagram.
    ///
    /// - Throws: ``SystemError``: `EAGAIN` where the other program has not read what it was sent before, which may pass.
    package func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        let count = retryingInterrupted {
            bytes.withUnsafeBytes { bytes in
                address.withPointer {
                    sendto(owned.number, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL), $0, $1)
                }
            }
        }
        guard count == bytes.count else { throw SystemError(operation: operation) }
    }
}
