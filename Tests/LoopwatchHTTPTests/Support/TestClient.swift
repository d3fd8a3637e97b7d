// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform

/// A client over a plain blocking socket; every wait ends after ten seconds.
final class TestClient {
    /// An answer, read.
    struct Response: Equatable {
        /// The status code.
        var status: Int
        /// The head as it came, without its empty line.
        var head: String
        /// The body, without its framing.
        var body: String

        /// The first value of a header field, by its name in lower case.
        func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2, parts[0].lowercased() == name {
                    return String(parts[1].drop { $0 == " " })
                }
            }
            return nil
        }
    }

    /// What went wrong on the client's side.
    struct Failure: Error, CustomStringConvertible {
        /// A sentence.
        let description: String
    }

    private let descriptor: CInt
    private var buffer: [UInt8] = []

    /// Connects to a server.
    init(_ address: EndpointAddress, receiveBufferBytes: CInt? = nil) throws {
        let result: CInt
        switch address {
        case .unix(let path):
            descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var unix = sockaddr_un()
            unix.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &unix.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            result = TestClient.connect(descriptor, unix)
        case .tcp(let host, let port) where host.contains(":"):
            descriptor = socket(AF_INET6, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var internet = sockaddr_in6()
            internet.sin6_family = sa_family_t(AF_INET6)
            internet.sin6_port = port.bigEndian
            inet_pton(AF_INET6, host, &internet.sin6_addr)
            result = TestClient.connect(descriptor, internet)
        case .tcp(let host, let port):
            descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            if var bytes = receiveBufferBytes {
                setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<CInt>.size))
            }
            var internet = sockaddr_in()
            internet.sin_family = sa_family_t(AF_INET)
            internet.sin_port = port.bigEndian
            inet_pton(AF_INET, host, &internet.sin_addr)
            result = TestClient.connect(descriptor, internet)
        }
        // What was opened is closed by deinit: it is run for an object that is whole, also where the initialiser throws. To
        // close it here as well would close what another test has opened meanwhile.
        guard result == 0 else { throw SystemError(operation: "connect \(address)") }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Glibc.close(descriptor) }

    /// Sends text as it is.
    func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Sends bytes as they are.
    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw SystemError(operation: "send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends a request with a Host field.
    func request(_ path: String, method: String = "GET", headers: String = "") throws {
        try send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
    }

    /// Says that nothing more comes.
    func shutDownWriting() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Reads an answer with a length; the body is left out if it is one to HEAD.
    func response(toHead isHead: Bool = false) throws -> Response {
        let head = try text(until: "\r\n\r\n")
        guard let status = Int(head.split(separator: " ").dropFirst().first ?? "") else {
            throw Failure(description: "no status in \(head)")
        }
        var response = Response(status: status, head: String(head.dropLast(2)), body: "")
        if !isHead, let length = response.header("content-length").flatMap({ Int($0) }) {
            response.body = try text(bytes: length)
        }
        return response
    }

    /// Reads the next chunk of a body; empty for the last one.
    func chunk() throws -> String {
        let line = try text(until: "\r\n").dropLast(1)
        guard let length = Int(line, radix: 16) else { throw Failure(description: "no chunk size in \(line)") }
        let chunk = try text(bytes: length)
        _ = try text(until: "\r\n")
        return chunk
    }

    /// Reads until the server closes; whether it did so in order, and not by a reset.
    func rest() throws -> String {
        while try receive() {}
        defer { buffer = [] }
        return String(decoding: buffer, as: UTF8.self)
    }

    /// Whether the server has closed and everything was read.
    func isAtEnd() throws -> Bool {
        try buffer.isEmpty && !receive()
    }

    private func text(until end: String) throws -> String {
        let pattern = Array(end.utf8)
        while true {
            if let place = buffer.indices.first(where: { buffer[$0...].starts(with: pattern) }) {
                return try text(bytes: place + pattern.count)
            }
            guard try receive() else {
                throw Failure(description: "ended before the end of \(String(decoding: buffer, as: UTF8.self))")
            }
        }
    }

    private func text(bytes count: Int) throws -> String {
        while buffer.count < count {
            guard try receive() else { throw Failure(description: "ended after \(buffer.count) of \(count) bytes") }
        }
        defer { buffer.removeFirst(count) }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    /// Reads what comes; returns whether anything did.
    private func receive() throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw SystemError(operation: "the server sent nothing: recv") }
        buffer.append(contentsOf: bytes.prefix(count))
        return count > 0
    }

    private static func connect<Address>(_ descriptor: CInt, _ address: Address) -> CInt {
        withUnsafeBytes(of: address) { bytes in
            Glibc.connect(
                descriptor,
                bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count)
            )
        }
    }
}
