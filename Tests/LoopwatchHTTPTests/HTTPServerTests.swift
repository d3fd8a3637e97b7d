// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchHTTP
import LoopwatchPlatform
import Synchronization
import Testing

@Suite("A server and its clients")
struct HTTPServerTests {
    @Test("a connection is kept for the next request, and answers carry what keeps browsers from guessing")
    func keepAlive() throws {
        try withServer { server in
            let client = try server.connect()
            for _ in 0..<3 {
                try client.request("/hello")
                let response = try client.response()
                #expect(response.status == 200)
                #expect(response.body == "hello")
                #expect(response.header("x-content-type-options") == "nosniff")
                #expect(response.header("cache-control") == "no-store")
                #expect(response.header("connection") == nil)
                #expect(response.header("server") == nil)
            }
            #expect(server.count("hello", 200) == 3)
            #expect(server.statistics.openConnections == 1)
        }
    }

    @Test("requests sent at once are answered one after the other, in their order")
    func pipelining() throws {
        try withServer { server in
            let client = try server.connect()
            let requests = (0..<100).map { "GET /echo?n=\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }
            try client.send(requests.joined())
            for number in 0..<100 { #expect(try client.response().body == "n=\(number)") }
        }
    }

    @Test("HEAD gets the head of GET and no body, for refusals too")
    func head() throws {
        try withServer { server in
            let client = try server.connect()
            try client.request("/hello", method: "HEAD")
            #expect(try client.response(toHead: true).header("content-length") == "5")
            try client.request("/stream", method: "HEAD")
            let response = try client.response(toHead: true)
            #expect(response.header("transfer-encoding") == "chunked")
            #expect(try client.rest() == "")
            let refused = try server.connect()
            try refused.send("HEAD / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            #expect(try refused.response(toHead: true).status == 403)
            #expect(try refused.rest() == "")
        }
    }

    @Test("the responder's own errors leave the connection open")
    func notFound() throws {
        try withServer { server in
            let client = try server.connect()
            try client.request("/nowhere")
            #expect(try client.response().status == 404)
            try client.request("/echo?a=%C3%A9", headers: "X-Test: yes\r\n")
            #expect(try client.response().body == "a=\u{E9}yes")
            #expect(server.count("none", 404) == 1)
        }
    }

    @Test(
        "every refusal is read by the client, closes the connection, and is counted under its reason",
        arguments: [
            ("GET /", 400, HTTPRejectionReason.malformed), ("GET /%00", 400, .malformed), ("POST /", 405, .malformed),
            ("BREW /", 501, .malformed), ("GET /" + String(repeating: "a", count: 2_048), 414, .limit),
        ]
    )
    func refusals(begin: String, status: Int, reason: HTTPRejectionReason) throws {
        try withServer { server in
            let client = try server.connect()
            // A body that nobody reads must not turn the answer into a reset.
            let noise = String(repeating: "x", count: 100_000)
            let version = begin == "GET /" ? "HTTP/1.1\n" : "HTTP/1.1\r\n"
            try client.send("\(begin) \(version)Host: localhost\r\n\r\n\(noise)")
            let response = try client.response()
            #expect(response.status == status)
            #expect(response.header("connection") == "close")
            #expect(response.header("allow") == (status == 405 ? "GET, HEAD" : nil))
            #expect(response.body.hasPrefix("\(status) ") && response.body.contains(": "))
            #expect(try client.rest() == "")
            #expect(server.count(reason) == 1)
            #expect(server.count("server", status) == 1)
        }
    }

    @Test(
        "refusals of what the fields say",
        arguments: [
            ("Host: evil.example", 403), ("Host: localhost\r\nContent-Length: 1", 413),
            ("Host: localhost\r\nTransfer-Encoding: chunked", 501), ("Host: localhost\r\nExpect: x", 417),
            ("Host: localhost\r\n" + String(repeating: "A: b\r\n", count: 64) + "C: d", 431),
            ("Host: localhost\r\nA: " + String(repeating: "b", count: 8_192), 431),
        ]
    )
    func refusedFields(fields: String, status: Int) throws {
        try withServer(allowedHosts: ["good.example"]) { server in
            let client = try server.connect()
            try client.send("GET / HTTP/1.1\r\n\(fields)\r\n\r\n")
            #expect(try client.response().status == status)
            #expect(try client.rest() == "")
            let other = try server.connect()
            try other.send("GET /hello HTTP/1.1\r\nHost: good.example:99\r\n\r\n")
            #expect(try other.response().status == 200)
        }
    }

    @Test("HTTP/1.0 ends the connection unless the client asks to keep it; other versions are refused")
    func versions() throws {
        try withServer { server in
            let old = try server.connect()
            try old.send("GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n")
            #expect(try old.response().header("connection") == "close")
            #expect(try old.isAtEnd())
            let kept = try server.connect()
            for _ in 0..<2 {
                try kept.send("GET /hello HTTP/1.0\r\nHost: localhost\r\nConnection: Keep-Alive\r\n\r\n")
                #expect(try kept.response().header("connection") == "keep-alive")
            }
            let closing = try server.connect()
            try closing.request("/hello", headers: "Connection: x, Close\r\n")
            #expect(try closing.response().header("connection") == "close")
            #expect(try closing.isAtEnd())
            let newer = try server.connect()
            try newer.send("GET /hello HTTP/2.0\r\n\r\n")
            #expect(try newer.response().status == 505)
        }
    }

    @Test("a client that shuts its side after the request is answered all the same")
    func halfClosed() throws {
        try withServer(TestResponder(bigBytes: 3_000_000)) { server in
            let client = try server.connect()
            try client.request("/big")
            client.shutDownWriting()
            #expect(try client.response().body.utf8.count == 3_000_000)
            #expect(try client.isAtEnd())
        }
    }

    @Test("IPv6 is served")
    func versionSix() throws {
        try withServer(host: "::1") { server in
            let client = try server.connect()
            try client.send("GET /hello HTTP/1.1\r\nHost: \(server.boundAddress)\r\n\r\n")
            #expect(try client.response().body == "hello")
        }
    }

    @Test("eight threads get two hundred answers from two servers of one process")
    func manyClients() throws {
        try withServer { first in
            try withServer { second in
                let failures = Mutex<[String]>([])
                let threads = try (0..<8).map { number in
                    let address = (number % 2 == 0 ? first : second).boundAddress
                    return try OwnThread(name: "test-client") {
                        do {
                            let client = try TestClient(address)
                            for request in 0..<25 {
                                try client.request("/echo?n=\(request)")
                                let body = try client.response().body
                                if body != "n=\(request)" { failures.withLock { $0.append(body) } }
                            }
                        } catch {
                            failures.withLock { $0.append("\(error)") }
                        }
                    }
                }
                for thread in threads { thread.join() }
                #expect(failures.withLock { $0 } == [])
                #expect(first.count("echo", 200) == 100)
                #expect(second.count("echo", 200) == 100)
                try eventually("all connections are closed") {
                    first.statistics.openConnections + second.statistics.openConnections == 0
                }
            }
        }
    }

    @Test("the server goes round its loop even when nobody asks")
    func lastTurn() throws {
        var limits = HTTPLimits.standard
        limits.turnMaximum = .milliseconds(20)
        try withServer(limits: limits) { server in
            let start = Clock.now()
            try eventually("three turns") { server.lastTurn > start.advanced(byNanoseconds: 60_000_000) }
        }
    }
}
