// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchHTTP
import LoopwatchPlatform
import LoopwatchTestSupport
import Testing

@Suite("What a server does not put up with")
struct HTTPServerLimitTests {
    @Test("a client that sends its request a byte at a time is told and cut off")
    func slowloris() throws {
        var limits = HTTPLimits.standard
        limits.headDeadline = .milliseconds(200)
        try withServer(limits: limits) { server in
            let client = try server.connect()
            try client.send("GET /hello HTTP/1.1\r\n")
            try eventually("the server has had enough") {
                try? client.send("A")
                return server.count(.timeout) == 1
            }
            #expect(try client.response().status == 408)
            #expect(server.count("server", 408) == 1)
        }
    }

    @Test("a client that sends nothing is closed without an answer, at first and between requests")
    func silent() throws {
        var limits = HTTPLimits.standard
        limits.headDeadline = .milliseconds(200)
        limits.idleDeadline = .milliseconds(200)
        try withServer(limits: limits) { server in
            let client = try server.connect()
            #expect(try client.rest() == "")
            let other = try server.connect()
            try other.request("/hello")
            #expect(try other.response().status == 200)
            #expect(try other.rest() == "")
            #expect(server.count(.timeout) == 0)
        }
    }

    @Test("beyond the limit of connections a client is told to come again, until one is free")
    func connections() throws {
        var limits = HTTPLimits.standard
        limits.connections = 2
        limits.refusedConnections = 1
        try withServer(limits: limits) { server in
            var clients = try (0..<2).map { _ in
                let client = try server.connect()
                try client.send("GET")
                return client
            }
            try eventually("both are served") { server.statistics.openConnections == 2 }
            for number in 1...5 {
                let refused = try server.connect()
                let response = try refused.response()
                #expect(response.status == 503)
                #expect(response.header("retry-after") == "1")
                #expect(try refused.rest() == "")
                #expect(server.count(.overload) == number)
            }
            clients.removeLast()
            try eventually("one is free") { server.statistics.openConnections < 2 }
            let next = try server.connect()
            try next.request("/hello")
            #expect(try next.response().status == 200)
        }
    }

    @Test("the connection that is idle for longest makes room for a new one")
    func eviction() throws {
        var limits = HTTPLimits.standard
        limits.connections = 2
        try withServer(limits: limits) { server in
            let clients = try (0..<3).map { _ in
                let client = try server.connect()
                try client.request("/hello")
                #expect(try client.response().status == 200)
                return client
            }
            #expect(try clients[0].isAtEnd())
            try clients[1].request("/hello")
            #expect(try clients[1].response().status == 200)
            #expect(server.count(.overload) == 0)
        }
    }

    @Test("the last request that a connection may make says so")
    func requests() throws {
        var limits = HTTPLimits.standard
        limits.requestsEachConnection = 2
        try withServer(limits: limits) { server in
            let client = try server.connect()
            try client.request("/hello")
            #expect(try client.response().header("connection") == nil)
            try client.request("/hello")
            #expect(try client.response().header("connection") == "close")
            #expect(try client.isAtEnd())
        }
    }

    @Test("a client that does not take its answer is cut off, and the answer must not be too large")
    func answers() throws {
        var limits = HTTPLimits.standard
        limits.answerDeadline = .milliseconds(200)
        limits.answerBytes = 16_000_000
        try withServer(TestResponder(bigBytes: 16_000_000), limits: limits) { server in
            let client = try server.connect(receiveBufferBytes: 4_096)
            try client.request("/big")
            try eventually("the answer has begun") { server.count("big", 200) == 1 }
            try eventually("the client is cut off") { server.statistics.openConnections == 0 }
        }
        limits = .standard
        limits.answerBytes = 4 * 1_024 * 1_024
        try withServer(TestResponder(bigBytes: 4 * 1_024 * 1_024 + 1), limits: limits) { server in
            let client = try server.connect()
            try client.request("/big")
            let response = try client.response()
            #expect(response.status == 500)
            #expect(response.body.contains("longer than 4194304 bytes"))
            #expect(server.count("big", 500) == 1)
        }
    }

    @Test("random bytes get an answer or a closed connection, and the server lives on", arguments: 1...5)
    func noise(seed: UInt64) throws {
        var limits = HTTPLimits.standard
        limits.headDeadline = .milliseconds(100)
        var generator = SeededGenerator(seed: seed)
        try withServer(limits: limits) { server in
            for _ in 0..<20 {
                let client = try server.connect()
                let count = Int.random(in: 0...20_000, using: &generator)
                // The server may be done with the client before all is sent.
                try? client.send((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
                _ = try? client.rest()
            }
            let client = try server.connect()
            try client.request("/hello")
            #expect(try client.response().status == 200, "seed \(seed)")
        }
    }
}
