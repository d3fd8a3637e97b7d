// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Synchronization

/// An endpoint that answers every question with the same document, on a thread of its own.
final class FixedEndpoint: Sendable {
    /// Where it listens.
    let port: UInt16
    private let descriptor: CInt
    private let thread = Mutex<OwnThread?>(nil)

    /// Starts to listen; port 0 lets the system choose.
    init(_ document: String, port: UInt16 = 0) throws {
        let listening = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptor = listening
        var yes: CInt = 1
        setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listening, address, length) == 0 && listen(listening, 8) == 0
                    && getsockname(listening, address, &length) == 0
            }
        }
        guard result else { throw SystemError(operation: "bind") }
        self.port = UInt16(bigEndian: address.sin_port)
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: \(document.utf8.count)\r\nConnection: close\r\n\r\n\(document)"
        let started = try OwnThread(name: "test-endpoint") {
            while true {
                let client = accept(listening, nil, nil)
                guard client >= 0 else { return }
                var buffer = [UInt8](repeating: 0, count: 4_096)
                _ = recv(client, &buffer, buffer.count, 0)
                let bytes = Array(answer.utf8)
                _ = send(client, bytes, bytes.count, CInt(MSG_NOSIGNAL))
                close(client)
            }
        }
        thread.withLock { $0 = started }
    }

    deinit { stop() }

    /// Ends it; what connects is refused from then on.
    func stop() {
        guard let thread = thread.withLock({ $0.take() }) else { return }
        // accept(2) returns from a socket that is shut down.
        shutdown(descriptor, CInt(SHUT_RDWR))
        thread.join()
        close(descriptor)
    }
}
