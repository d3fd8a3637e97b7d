// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Synchronization

/// An endpoint that answers every question with the same document, on a thread of its own.
final class FixedEndpoint: Sendable {
    /// Where it listens, as it is given on the command line.
    let location: String
    private let descriptor: CInt
    private let thread = Mutex<OwnThread?>(nil)

    /// Starts to listen at a port that the system chooses, or at a socket in the file system.
    ///
    /// An endpoint that is to come back belongs at a socket: a port that is given up can be taken by anyone meanwhile.
    init(_ document: String, path: String? = nil) throws {
        let listening = socket(path == nil ? AF_INET : AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptor = listening
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutableBytes(of: &address) { bytes in
            if let path {
                var local = sockaddr_un()
                local.sun_family = sa_family_t(AF_UNIX)
                withUnsafeMutableBytes(of: &local.sun_path) { $0.copyBytes(from: path.utf8) }
                bytes.storeBytes(of: local, as: sockaddr_un.self)
                length = socklen_t(MemoryLayout<sockaddr_un>.size)
            } else {
                var local = sockaddr_in()
                local.sin_family = sa_family_t(AF_INET)
                local.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
                bytes.storeBytes(of: local, as: sockaddr_in.self)
            }
        }
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listening, address, length) == 0 && listen(listening, 8) == 0
                    && getsockname(listening, address, &length) == 0
            }
        }
        guard result else { throw SystemError(operation: "bind") }
        let port = withUnsafeBytes(of: &address) { UInt16(bigEndian: $0.load(as: sockaddr_in.self).sin_port) }
        location = path.map { "unix:\($0)" } ?? "127.0.0.1:\(port)"
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
        if location.hasPrefix("unix:") { unlink(String(location.dropFirst(5))) }
    }
}
