// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

@Suite("The HTTP client")
struct HTTPResponseReaderTests {
    /// What an answer comes to: its status, its body, and whether it is over.
    private struct Read: Equatable {
        var status = 0
        var fields: [String: String] = [:]
        var body = ""
        var isOver = false
    }

    private static func read(_ pieces: [ArraySlice<UInt8>], endsConnection: Bool = false) throws -> Read {
        var reader = HTTPResponseReader()
        var read = Read()
        var parts: [HTTPResponseReader.Part] = []
        for piece in pieces { parts += try reader.add(piece) }
        if endsConnection { parts += try reader.end() }
        for part in parts {
            switch part {
            case .head(let status, let fields): (read.status, read.fields) = (status, fields)
            case .body(let bytes): read.body += String(decoding: bytes, as: UTF8.self)
            case .end: read.isOver = true
            }
        }
        return read
    }

    private static let answers: [(text: String, endsConnection: Bool, body: String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", false, "hello"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, ""),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n 123456789\r\n0\r\nT: 1\r\n\r\n",
            false,
            "hello 123456789"
        ),
        ("HTTP/1.0 200 OK\r\n\r\nhello", true, "hello"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\ncontent-length: 2\n\nok", false, "ok"),
        ("HTTP/1.1 204 No Content\r\n\r\n", false, ""),
    ]

    @Test("reads an answer the same wherever its bytes are split", arguments: HTTPResponseReaderTests.answers.indices)
    func splits(index: Int) throws {
        let answer = Self.answers[index]
        let bytes = Array(answer.text.utf8)
        let whole = try Self.read([bytes[...]], endsConnection: answer.endsConnection)
        #expect(whole.body == answer.body && whole.isOver)
        #expect(whole.status == (answer.text.contains("204") ? 204 : 200))
        for place in 0...bytes.count {
            let split = try Self.read([bytes[..<place], bytes[place...]], endsConnection: answer.endsConnection)
            #expect(split == whole, "\(place)")
        }
        let single = try Self.read(bytes.indices.map { bytes[$0...$0] }, endsConnection: answer.endsConnection)
        #expect(single == whole)
    }

    @Test(
        "refuses what it does not understand",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 999 X\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 20_000),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + String(repeating: "0", count: 20_000),
        ]
    )
    func refused(text: String) {
        #expect(throws: HTTPResponseReader.Problem.self) { try Self.read([Array(text.utf8)[...]]) }
    }

    @Test("tells an answer that is cut off from one that is over")
    func cutOff() throws {
        for text in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"] {
            #expect(throws: HTTPResponseReader.Problem.cutOff) {
                try Self.read([Array(text.utf8)[...]], endsConnection: true)
            }
        }
    }

    @Test(
        "finds endpoints by URL, by host and port, and by a socket's path",
        arguments: [
            ("http://127.0.0.1:9667/", "http://127.0.0.1:9667"), ("127.0.0.1:9667", "http://127.0.0.1:9667"),
            ("api-1:80", "http://api-1:80"), ("api-1", "http://api-1:9667"), ("http://api-1", "http://api-1:80"),
            ("[::1]:9", "http://[::1]:9"), (":9667", "http://127.0.0.1:9667"), ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("HTTP://host:1/loopwatch/", "http://host:1/loopwatch"), ("https://x", nil), ("http://", nil), ("", nil),
            ("::1", nil), ("a:b", nil), ("a:0", nil), ("a:70000", nil), ("http://u@h", nil), ("http://h/?q", nil),
            ("unix:x", nil), ("a b", nil), ("http://h\r\nX: y", nil),
        ] as [(String, String?)]
    )
    func locations(text: String, description: String?) {
        #expect(EndpointLocation(text)?.description == description)
    }

    @Test("tries again soon at first, then ever more seldom")
    func backoff() {
        var backoff = Backoff()
        let waits = (0..<7).map { _ in backoff.next() / 1_000_000 }
        #expect(waits == [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000])
        backoff.reset()
        #expect(backoff.next() == 250_000_000)
    }
}
