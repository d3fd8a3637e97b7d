// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchHTTP

@Suite("How an answer is written")
struct HTTPResponseEncoderTests {
    private let response = HTTPResponse(
        status: 200,
        contentType: "text/plain",
        body: [],
        handler: "test",
        headers: [(name: "X-A", value: "b")]
    )

    private func head(
        _ response: HTTPResponse,
        _ framing: HTTPResponseEncoder.Framing,
        _ persistence: HTTPResponseEncoder.Persistence
    ) -> String {
        String(
            decoding: HTTPResponseEncoder.head(of: response, framing: framing, persistence: persistence),
            as: UTF8.self
        )
    }

    @Test("an answer with a length")
    func length() {
        let expected =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: b\r\nX-Content-Type-Options: nosniff\r\n"
            + "Cache-Control: no-store\r\nContent-Length: 5\r\n"
        #expect(head(response, .length(5), .keptAlive) == expected + "\r\n")
        #expect(head(response, .length(5), .keptAliveAsAsked) == expected + "Connection: keep-alive\r\n\r\n")
        #expect(head(response, .length(5), .closed) == expected + "Connection: close\r\n\r\n")
    }

    @Test("an answer that goes on")
    func stream() {
        #expect(head(response, .chunked, .closed).contains("\r\nTransfer-Encoding: chunked\r\n"))
        let untilClose = head(response, .untilClose, .closed)
        #expect(!untilClose.contains("Transfer-Encoding") && !untilClose.contains("Content-Length"))
    }

    @Test("pieces of a body are framed, and an empty one does not end it")
    func pieces() {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 26)
        #expect(
            HTTPResponseEncoder.piece(bytes, framing: .chunked) == Array("1a\r\n".utf8) + bytes + Array("\r\n".utf8)
        )
        #expect(HTTPResponseEncoder.piece([], framing: .chunked) == [])
        #expect(HTTPResponseEncoder.piece(bytes, framing: .untilClose) == bytes)
        #expect(HTTPResponseEncoder.end(framing: .chunked) == Array("0\r\n\r\n".utf8))
        #expect(HTTPResponseEncoder.end(framing: .untilClose) == [])
    }

    @Test("a responder can neither add a line nor frame the message itself")
    func injection() {
        let hostile = HTTPResponse(
            status: 7,
            contentType: "a\r\nX-Injected: 1",
            body: [],
            handler: "test",
            headers: [
                (name: "Content-Length", value: "99"), (name: "transfer-encoding", value: "chunked"),
                (name: "X\r\nY", value: "1"), (name: "cache-control", value: "private"),
            ]
        )
        let expected =
            "HTTP/1.1 500 Internal Server Error\r\nContent-Type: aX-Injected: 1\r\ncache-control: private\r\n"
            + "X-Content-Type-Options: nosniff\r\nContent-Length: 0\r\n\r\n"
        #expect(head(hostile, .length(0), .keptAlive) == expected)
    }

    @Test("every refusal says what was wrong, and a method that is not allowed which ones are")
    func refusals() {
        let refusal = HTTPRejection(405, .malformed, "only GET and HEAD are allowed").response
        #expect(refusal.headers.contains { $0.name == "Allow" && $0.value == "GET, HEAD" })
        guard case .bytes(let body) = refusal.body else { return }
        #expect(String(decoding: body, as: UTF8.self) == "405 Method Not Allowed: only GET and HEAD are allowed\n")
        let later = HTTPRejection(503, .overload, "too many", retryAfterSeconds: 5).response
        #expect(later.headers.contains { $0.name == "Retry-After" && $0.value == "5" })
    }
}
