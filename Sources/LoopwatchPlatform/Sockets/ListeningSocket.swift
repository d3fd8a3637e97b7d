// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
package import LoopwatchCore

/// A socket that clients connect to; non-blocking, closed on exec.
package final class ListeningSocket: Sendable {
    private let owned: Descriptor
    private let file: UnixSocketFile?
    /// Where it listens, with the port that the system chose and the process id filled in.
    package let address: EndpointAddress

    /// The descriptor, for waiting on it together with others.
    package var descriptor: CInt { owned.number }

    /// Binds to the address and listens.
    ///
    /// - Throws: ``SystemError`` that names the address.
    package init(address: EndpointAddress, backlog: Int) throws {
        let endpoint = address.fillingInProcessIdentifier()
        let operation = "bind \(endpoint)"
        guard let socketAddress = SocketAddress(endpoint) else {
            switch endpoint {
            case .tcp: throw SystemError(operation: "\(operation) (the host is not an IP address)", code: EINVAL)
            case .unix: throw SystemError(operation: operation, code: ENAMETOOLONG)
            }
        }
        let owned = Descriptor(owning: socket(socketAddress.family, streamType, 0))
        guard owned.number >= 0 else { throw SystemError(operation: operation) }
        if case .unix(let path) = endpoint {
            file = try ListeningSocket.bindUnix(owned, to: socketAddress, path: path, operation: operation)
        } else {
            // Without it a restart has to wait until the old connections have left TIME_WAIT.
            setOption(owned.number, SOL_SOCKET, SO_REUSEADDR)
            guard socketAddress.withPointer({ bind(owned.number, $0, $1) }) == 0 else {
                throw SystemError(operation: operation)
            }
            file = nil
        }
        guard listen(owned.number, CInt(clamping: backlog)) == 0 else {
            let error = SystemError(operation: "listen \(endpoint)")
            file?.remove()
            throw error
        }
        self.owned = owned
        self.address = SocketAddress.boundEndpoint(of: owned.number) ?? endpoint
    }

    deinit { close() }

    /// Takes the next waiting connection, if there is one.
    package func accept() -> AcceptResult {
        let number = retryingInterrupted { lw_accept(owned.number) }
        if number >= 0 { return .connection(StreamSocket(Descriptor(owning: number))) }
        switch errno {
        case EAGAIN: return .noneWaiting
        case EMFILE, ENFILE: return .noDescriptorLeft
        case ENOBUFS, ENOMEM, EBADF, EINVAL: return .unavailable
        // The rest are errors of the one connection (accept(2), "error handling"): the next may be fine.
        default: return .connectionFailed
        }
    }

    /// Stops listening, and removes the Unix socket's file if it is still the one that was made here.
    package func close() {
        guard owned.number >= 0 else { return }
        file?.remove()
        owned.close()
    }

    private static func bindUnix(
        _ owned: Descriptor,
        to address: SocketAddress,
        path: String,
        operation: String
    ) throws -> UnixSocketFile? {
        try UnixSocketFile.clear(path, for: address, operation: operation)
        // bind(2) takes the file's mode from the socket's, less the umask, which belongs to the host and stays as it is.
        fchmod(owned.number, 0o660)
        guard address.withPointer({ bind(owned.number, $0, $1) }) == 0 else {
            throw SystemError(operation: operation)
        }
        // What the umask took away; nobody can connect before listen(2).
        chmod(path, 0o660)
        return UnixSocketFile(at: path)
    }
}

/// What accept(2) brought.
package enum AcceptResult {
    /// A connection.
    case connection(StreamSocket)
    /// Nothing: nobody is waiting.
    case noneWaiting
    /// A connection that was gone before it was taken.
    case connectionFailed
    /// Nothing: the process or the machine has no descriptor left, and the client waits on.
    case noDescriptorLeft
    /// Nothing: the machine lacks memory, or the socket was closed.
    case unavailable
}

extension EndpointAddress {
    /// The address with `{PID}` in a path replaced by the number of this process.
    fileprivate func fillingInProcessIdentifier() -> EndpointAddress {
        guard case .unix(let path) = self else { return self }
        var result = ""
        var rest = Substring(path)
        while let brace = rest.firstIndex(of: "{") {
            result += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix("{PID}") {
                result += String(getpid())
                rest = rest.dropFirst(5)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return .unix(path: result + rest)
    }
}

/// Switches a socket option on; one that cannot be had is done without.
func setOption(_ descriptor: CInt, _ level: CInt, _ option: CInt) {
    var on: CInt = 1
    setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<CInt>.size))
}
