// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchPlatform

/// A client of one loop, over a connection that it keeps; blocks its thread until the answer has come.
struct DemoClient: ~Copyable {
    private let descriptor: CInt

    /// Longer than anything the demo does, in seconds.
    private static let answerSeconds = 30

    /// Connects.
    ///
    /// - Throws: ``SystemError`` when that fails.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError(operation: "socket") }
        var timeout = timeval(tv_sec: Self.answerSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        // What was opened is closed by deinit, which is run for a value that is whole, also where the initialiser throws.
        guard result == 0 else { throw SystemError(operation: "connect 127.0.0.1:\(port)") }
    }

    deinit { close(descriptor) }

    /// Sends a request and waits for the answer; returns its status and text.
    ///
    /// - Throws: ``SystemError`` when the connection breaks.
    func ask(_ path: String, body: [UInt8]? = nil) throws -> (status: Int, text: String) {
        let head =
            "\(body == nil ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: localhost\r\n"
            + "Content-Length: \(body?.count ?? 0)\r\n\r\n"
        try send(Array(head.utf8))
        if let body { try send(body) }
        var answer = ""
        while true {
            // All answers are short and say how long they are.
            let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[1].hasSuffix("\n") {
                let status = parts[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
                return (status, String(parts[1].dropLast()))
            }
            answer += try receive()
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = retryingInterrupted {
                bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            }
            guard count > 0 else { throw SystemError(operation: "send") }
            sent += count
        }
    }

    private func receive() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = retryingInterrupted {
            buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        }
        guard count > 0 else {
            throw SystemError(operation: "receive", code: count == 0 ? SystemError.stopped : errno)
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
