// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchHTTP
import LoopwatchPlatform
import Testing

@Suite("Where a server listens")
struct HTTPServerAddressTests {
    private func server(_ address: EndpointAddress) throws -> HTTPServer {
        let server = try HTTPServer(address: address, responder: TestResponder())
        try server.start()
        return server
    }

    /// Runs the body with the path of a new directory, which is removed with the file `socket` in it.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/loopwatch-test-XXXXXX\0".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(operation: "mkdtemp") }
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            unlink("\(path)/socket")
            rmdir(path)
        }
        try body(path)
    }

    private func mode(of path: String) -> UInt32? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode : nil
    }

    @Test("a port that is taken is an error that names the address")
    func portTaken() throws {
        try withServer { first in
            let error = #expect(throws: SystemError.self) { try server(first.boundAddress) }
            #expect(error?.description == "bind \(first.boundAddress): Address already in use (errno 98)")
        }
    }

    @Test("a name is not an address")
    func name() {
        let error = #expect(throws: SystemError.self) { try server(.tcp(host: "example.org", port: 0)) }
        #expect(error?.operation == "bind example.org:0 (the host is not an IP address)")
    }

    @Test("a Unix socket is for its owner and group, takes any host, and is removed at the end")
    func unixSocket() throws {
        try withDirectory { directory in
            let server = try server(.unix(path: "\(directory)/{PID}{PID}{x"))
            let path = "\(directory)/\(getpid())\(getpid()){x"
            #expect(server.boundAddress == .unix(path: path))
            #expect(mode(of: path) == S_IFSOCK | 0o660)
            let client = try server.connect()
            try client.send("GET /hello HTTP/1.1\r\nHost: any.example\r\n\r\n")
            #expect(try client.response().body == "hello")
            #expect(server.stop())
            #expect(mode(of: path) == nil)
        }
    }

    @Test("a socket that nobody listens on is replaced, one with a server is not")
    func staleSocket() throws {
        try withDirectory { directory in
            let path = "\(directory)/socket"
            try bindAndForget(path)
            #expect(mode(of: path) != nil)
            let first = try server(.unix(path: path))
            let error = #expect(throws: SystemError.self) { try server(.unix(path: path)) }
            #expect(
                error?.description
                    == "bind unix:\(path) (another server listens there): Address already in use (errno 98)"
            )
            let client = try first.connect()
            try client.request("/hello")
            #expect(try client.response().status == 200)
            #expect(first.stop())
        }
    }

    @Test("anything else at the path stays")
    func otherFile() throws {
        try withDirectory { directory in
            let path = "\(directory)/socket"
            close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600))
            let error = #expect(throws: SystemError.self) { try server(.unix(path: path)) }
            #expect(error?.operation == "bind unix:\(path) (what is there is not a socket)")
            #expect(mode(of: path) == S_IFREG | 0o600)
        }
    }

    @Test("a socket that took the place of the server's own stays")
    func notOurs() throws {
        try withDirectory { directory in
            let path = "\(directory)/socket"
            let server = try server(.unix(path: path))
            unlink(path)
            try bindAndForget(path)
            #expect(server.stop())
            #expect(mode(of: path) != nil)
        }
    }

    @Test("a directory that is not there and a path that is too long are errors that say so")
    func impossiblePaths() {
        let missing = #expect(throws: SystemError.self) { try server(.unix(path: "/nowhere/at/all")) }
        #expect(missing?.description == "bind unix:/nowhere/at/all: No such file or directory (errno 2)")
        let long = #expect(throws: SystemError.self) {
            try server(.unix(path: "/" + String(repeating: "a", count: 107)))
        }
        #expect(long?.code == ENAMETOOLONG)
    }

    /// Leaves a socket file that nobody listens on.
    private func bindAndForget(_ path: String) throws {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let result = withUnsafeBytes(of: address) { bytes in
            bind(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        if result != 0 { throw SystemError(operation: "bind \(path)") }
    }
}
