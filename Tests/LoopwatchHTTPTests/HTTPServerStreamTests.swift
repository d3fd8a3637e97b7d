// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchHTTP
import Testing

@Suite("A server and bodies that go on")
struct HTTPServerStreamTests {
    @Test("what a stream has is written when it is woken, and its end ends the connection")
    func woken() throws {
        let responder = TestResponder()
        try withServer(responder) { server in
            let client = try server.connect()
            try client.request("/stream")
            let response = try client.response()
            #expect(response.header("transfer-encoding") == "chunked")
            #expect(response.header("content-length") == nil)
            for number in 0..<5 {
                responder.stream.feed("event \(number)")
                server.wakeStreams()
                #expect(try client.chunk() == "event \(number)")
            }
            responder.stream.feed("last", isOver: true)
            server.wakeStreams()
            #expect(try client.chunk() == "last")
            #expect(try client.chunk() == "")
            #expect(try client.isAtEnd())
        }
    }

    @Test("a stream that nobody wakes is asked at its own deadline")
    func heartbeat() throws {
        try withServer(TestResponder(stream: TestStream(heartbeatNanoseconds: 20_000_000))) { server in
            let client = try server.connect()
            try client.request("/stream")
            #expect(try client.response().status == 200)
            for _ in 0..<3 { #expect(try client.chunk() == "heartbeat") }
        }
    }

    @Test("HTTP/1.0 has no chunks: the stream ends with the connection")
    func versionOne() throws {
        let responder = TestResponder()
        try withServer(responder) { server in
            let client = try server.connect()
            responder.stream.feed("all there is", isOver: true)
            try client.send("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
            let text = try client.rest()
            #expect(text.hasSuffix("Connection: close\r\n\r\nall there is"))
            #expect(!text.contains("chunked"))
        }
    }

    @Test("only so many streams are served; a client that leaves makes room")
    func streamLimit() throws {
        var limits = HTTPLimits.standard
        limits.streams = 2
        limits.lingerDeadline = .milliseconds(100)
        try withServer(limits: limits) { server in
            var clients = try (0..<2).map { _ in
                let client = try server.connect()
                try client.request("/stream")
                #expect(try client.response().status == 200)
                return client
            }
            let refused = try server.connect()
            try refused.request("/stream")
            let response = try refused.response()
            #expect(response.status == 503)
            #expect(response.header("retry-after") == "5")
            #expect(try refused.rest() == "")
            #expect(server.count(.overload) == 1)
            clients.removeAll()
            try eventually("the clients are gone") { server.statistics.openConnections == 0 }
            let next = try server.connect()
            try next.request("/stream")
            #expect(try next.response().status == 200)
        }
    }

    @Test("a client that takes nothing is cut off, the stream is told once, and others are served meanwhile")
    func slowClient() throws {
        var limits = HTTPLimits.standard
        limits.streamProgressDeadline = .milliseconds(300)
        let stream = TestStream(floodBytes: 200_000)
        try withServer(TestResponder(stream: stream), limits: limits) { server in
            let slow = try server.connect(receiveBufferBytes: 4_096)
            try slow.request("/stream")
            let other = try server.connect()
            try eventually("the slow client is cut off") {
                try? other.request("/hello")
                #expect(throws: Never.self) { try other.response() }
                return server.statistics.slowStreamClients == 1
            }
            #expect(stream.timesFellBehind == 1)
        }
    }

    @Test("a stream with more than fits is asked again when there is room")
    func flood() throws {
        try withServer(TestResponder(stream: TestStream(floodBytes: 1_000))) { server in
            let client = try server.connect()
            try client.request("/stream")
            #expect(try client.response().status == 200)
            var total = 0
            while total < 2_000_000 { total += try client.chunk().utf8.count }
            // A stream without end must not keep the server from the others.
            let other = try server.connect()
            try other.request("/hello")
            #expect(try other.response().status == 200)
        }
    }
}
