// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchDaemon

/// What the demo's own server makes of bytes.
@Suite("Requests to the demo's server")
struct DemoRequestParserTests {
    @Test("are read whole, however they come")
    func pieces() throws {
        let bytes = Array("POST /orders HTTP/1.1\r\ncontent-length: 4\r\n\r\n[12]GET /hello HTTP/1.1\r\n\r\n".utf8)
        for size in 1...bytes.count {
            var parser = DemoRequestParser()
            var requests: [DemoRequest] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                parser.append(bytes[start..<min(start + size, bytes.count)])
                while let request = try parser.next() { requests.append(request) }
            }
            #expect(
                requests == [
                    DemoRequest(method: "POST", path: "/orders", body: Array("[12]".utf8)),
                    DemoRequest(method: "GET", path: "/hello", body: []),
                ]
            )
        }
    }

    @Test(
        "that are none, or too large, are refused",
        arguments: [
            "hello\r\n\r\n",
            "GET /\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n",
            String(repeating: "x", count: 8_192),
        ]
    )
    func refused(_ text: String) {
        var parser = DemoRequestParser()
        parser.append(Array(text.utf8)[...])
        #expect(throws: DemoRequestParser.Refusal.self) { try parser.next() }
    }

    @Test("are answered with the length of what follows")
    func response() {
        let bytes = DemoResponse(status: 200, text: "hello").bytes
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
        )
    }
}
