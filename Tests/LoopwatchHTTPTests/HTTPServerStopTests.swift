// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchHTTP
import LoopwatchPlatform
import Synchronization
import Testing

@Suite("A server that stops")
struct HTTPServerStopTests {
    @Test("open streams get what they still have and their end; idle connections are closed")
    func openStreams() throws {
        let responder = TestResponder()
        try withServer(responder) { server in
            let idle = try server.connect()
            try idle.request("/hello")
            #expect(try idle.response().status == 200)
            let clients = try (0..<3).map { _ in
                let client = try server.connect()
                try client.request("/stream")
                #expect(try client.response().status == 200)
                return client
            }
            responder.stream.feed("goodbye")
            #expect(server.stop())
            let texts = try clients.map { try $0.rest() }
            #expect(texts.sorted() == ["0\r\n\r\n", "0\r\n\r\n", "7\r\ngoodbye\r\n0\r\n\r\n"])
            #expect(try idle.isAtEnd())
            #expect(server.statistics.openConnections == 0)
            #expect(throws: SystemError.self) { try server.connect() }
        }
    }

    @Test("stopping twice, from many threads, before the start and after it is all the same")
    func idempotent() throws {
        try withServer { server in
            let threads = try (0..<4).map { _ in try OwnThread(name: "test-stop") { server.stop() } }
            for thread in threads { thread.join() }
            #expect(server.stop())
            server.wakeStreams()
            #expect(throws: SystemError.self) { try server.start() }
        }
        let unstarted = try HTTPServer(address: .tcp(host: "127.0.0.1", port: 0), responder: TestResponder())
        #expect(unstarted.stop())
        #expect(throws: SystemError.self) { try unstarted.connect() }
    }

    @Test("a server that is let go stops by itself")
    func released() throws {
        var address = EndpointAddress.standard
        do {
            let server = try HTTPServer(address: .tcp(host: "127.0.0.1", port: 0), responder: TestResponder())
            try server.start()
            address = server.boundAddress
        }
        #expect(throws: SystemError.self) { try TestClient(address) }
    }

    @Test("a responder may stop its server: it gets its answer out")
    func fromResponder() throws {
        let responder = StoppingResponder()
        let server = try HTTPServer(address: .tcp(host: "127.0.0.1", port: 0), responder: responder)
        responder.server.withLock { $0 = server }
        try server.start()
        let client = try server.connect()
        try client.request("/")
        #expect(try client.response().body == "false")
        #expect(try client.isAtEnd())
        responder.server.withLock { $0 = nil }
        #expect(server.stop())
    }

    @Test("a responder that hangs does not hold up whoever stops the server")
    func hangingResponder() throws {
        let responder = try HangingResponder()
        let server = try HTTPServer(address: .tcp(host: "127.0.0.1", port: 0), responder: responder)
        try server.start()
        let client = try server.connect()
        try client.request("/")
        try eventually("the responder hangs") { responder.hangs.load(ordering: .acquiring) }
        #expect(!server.stop())
        responder.gate.wake()
        try eventually("the thread ends") { server.stop() }
    }
}

/// Stops its server, and answers whether that waited.
private final class StoppingResponder: HTTPResponder {
    /// The server to stop.
    let server = Mutex<HTTPServer?>(nil)

    func respond(to request: HTTPRequest) -> HTTPResponse {
        let hasStopped = server.withLock { $0?.stop() }
        return HTTPResponse(
            status: 200,
            contentType: "text/plain",
            body: Array("\(hasStopped ?? true)".utf8),
            handler: "stop"
        )
    }
}

/// Hangs until its gate opens.
private final class HangingResponder: HTTPResponder {
    /// Lets it go on.
    let gate: WakeSignal
    /// Whether it hangs by now.
    let hangs = Atomic(false)

    /// Creates a responder that will hang.
    init() throws {
        gate = try WakeSignal()
    }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        hangs.store(true, ordering: .releasing)
        _ = gate.wait(until: Clock.now().advanced(byNanoseconds: 30_000_000_000))
        return HTTPResponse(status: 200, contentType: "text/plain", body: [], handler: "hang")
    }
}
