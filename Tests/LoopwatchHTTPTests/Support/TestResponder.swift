// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchHTTP
import Synchronization

/// Answers `/hello`, `/big` (with the given number of bytes), `/echo` and `/stream`, and 404 for the rest.
final class TestResponder: HTTPResponder {
    /// The stream that every `/stream` gets.
    let stream: TestStream
    private let bigBytes: Int

    /// Creates a responder.
    init(stream: TestStream = TestStream(), bigBytes: Int = 0) {
        self.stream = stream
        self.bigBytes = bigBytes
    }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        switch request.path {
        case "/hello":
            TestResponder.text("hello", handler: "hello")
        case "/big":
            HTTPResponse(
                status: 200,
                contentType: "text/plain",
                body: [UInt8](repeating: UInt8(ascii: "b"), count: bigBytes),
                handler: "big"
            )
        case "/echo":
            TestResponder.text(
                request.query.map { "\($0.name)=\($0.value)" }.joined() + (request.header("x-test") ?? ""),
                handler: "echo"
            )
        case "/stream":
            HTTPResponse(
                status: 200,
                headers: [(name: "Content-Type", value: "text/event-stream")],
                body: .stream(stream),
                handler: "stream"
            )
        default:
            HTTPResponse(status: 404, contentType: "text/plain", body: Array("no\n".utf8), handler: "none")
        }
    }

    private static func text(_ text: String, handler: String) -> HTTPResponse {
        HTTPResponse(status: 200, contentType: "text/plain", body: Array(text.utf8), handler: handler)
    }
}

/// A stream that a test feeds.
final class TestStream: HTTPStream {
    private struct Storage {
        var pieces: [String] = []
        var isOver = false
        var questions = 0
        var timesFellBehind = 0
    }

    private let storage = Mutex(Storage())
    private let heartbeatNanoseconds: Int64?
    private let floodBytes: Int?

    /// Creates a stream that gives `heartbeat` so often, or as many bytes as it can have whenever it is asked.
    init(heartbeatNanoseconds: Int64? = nil, floodBytes: Int? = nil) {
        self.heartbeatNanoseconds = heartbeatNanoseconds
        self.floodBytes = floodBytes
    }

    /// How often it was asked.
    var questions: Int { storage.withLock { $0.questions } }

    /// How often it was told that the client fell behind.
    var timesFellBehind: Int { storage.withLock { $0.timesFellBehind } }

    /// Lets the stream give something when it is asked next.
    func feed(_ piece: String, isOver: Bool = false) {
        storage.withLock {
            $0.pieces.append(piece)
            $0.isOver = isOver
        }
    }

    func next(at now: MonotonicInstant, capacityBytes: Int) -> HTTPStreamChunk {
        storage.withLock { storage in
            storage.questions += 1
            if let floodBytes {
                let count = min(capacityBytes, floodBytes)
                return HTTPStreamChunk(bytes: [UInt8](repeating: UInt8(ascii: "f"), count: count), nextDeadline: now)
            }
            var text = storage.pieces.joined()
            storage.pieces = []
            if text.isEmpty, storage.questions > 1, heartbeatNanoseconds != nil { text = "heartbeat" }
            return HTTPStreamChunk(
                bytes: Array(text.utf8),
                isOver: storage.isOver,
                nextDeadline: heartbeatNanoseconds.map { now.advanced(byNanoseconds: $0) }
            )
        }
    }

    func clientFellBehind() {
        storage.withLock { $0.timesFellBehind += 1 }
    }
}
