// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A keep-alive connection over a plain blocking socket: a client that nothing can starve but the kernel.
final class HTTPConnection {
    /// An answer.
    struct Answer {
        var status: Int
        var body: String
    }

    /// The connection or the answer is not as it should be.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let descriptor: CInt
    private var received: [UInt8] = []

    /// Connects to 127.0.0.1.
    ///
    /// - Throws: ``Failure``.
    init(port: Int) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: errno \(errno)") }
        var limit = timeval(tv_sec: Int(stepLimit.components.seconds), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var one: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(description: "connect to port \(port): errno \(errno)") }
    }

    deinit { close(descriptor) }

    /// Asks and waits for the answer.
    ///
    /// - Throws: ``Failure``.
    func get(_ path: String) throws -> Answer {
        try send(path)
        return try receive()
    }

    /// Asks, and does not wait.
    ///
    /// - Throws: ``Failure``.
    func send(_ path: String) throws {
        let request = [UInt8]("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".utf8)
        let count = Glibc.send(descriptor, request, request.count, CInt(MSG_NOSIGNAL))
        guard count == request.count else { throw Failure(description: "send \(path): errno \(errno)") }
    }

    /// Waits for the answer to what was asked.
    ///
    /// - Throws: ``Failure``.
    func receive() throws -> Answer {
        let separator = [UInt8]("\r\n\r\n".utf8)
        while true {
            if let head = received.firstRange(of: separator) {
                let lines = String(decoding: received[..<head.lowerBound], as: UTF8.self).split(separator: "\r\n")
                let field = lines.first { $0.lowercased().hasPrefix("content-length:") }
                guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }),
                    let value = field?.split(separator: ":").last,
                    let length = Int(value.drop { $0 == " " })
                else { throw Failure(description: "an answer without status or length: \(lines)") }
                if received.count >= head.upperBound + length {
                    let body = String(decoding: received[head.upperBound..<head.upperBound + length], as: UTF8.self)
                    received.removeFirst(head.upperBound + length)
                    return Answer(status: status, body: body)
                }
            }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw Failure(description: count == 0 ? "the server closed the connection" : "recv: errno \(errno)")
            }
            received.append(contentsOf: buffer[..<count])
        }
    }
}
