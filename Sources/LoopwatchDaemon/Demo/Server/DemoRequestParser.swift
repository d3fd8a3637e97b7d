// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads requests from what comes over a connection: as much of HTTP/1.1 as the demo needs.
struct DemoRequestParser {
    /// A request that cannot be served; the connection has to be closed.
    struct Refusal: Error, Equatable {}

    /// Most bytes before the body.
    static let headBytesMaximum = 8_192
    /// Most bytes of a body.
    static let bodyBytesMaximum = 128 << 20

    private var buffer: [UInt8] = []
    private var head: (method: String, path: String, bodyStart: Int, bodyCount: Int)?

    /// Adds what has come.
    mutating func append(_ bytes: ArraySlice<UInt8>) {
        buffer.append(contentsOf: bytes)
    }

    /// The next complete request; `nil` until it is.
    ///
    /// - Throws: ``Refusal`` for what is no request or is too large.
    mutating func next() throws(Refusal) -> DemoRequest? {
        if head == nil { try readHead() }
        guard let head, buffer.count >= head.bodyStart + head.bodyCount else { return nil }
        let end = head.bodyStart + head.bodyCount
        let request = DemoRequest(method: head.method, path: head.path, body: Array(buffer[head.bodyStart..<end]))
        buffer.removeFirst(end)
        self.head = nil
        return request
    }

    private mutating func readHead() throws(Refusal) {
        let end: [UInt8] = [13, 10, 13, 10]
        let part = buffer.prefix(Self.headBytesMaximum)
        guard let start = part.indices.first(where: { part[$0...].starts(with: end) }) else {
            if part.count == Self.headBytesMaximum { throw Refusal() }
            return
        }
        let lines = String(decoding: buffer[..<start], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count == 3, words[2].hasPrefix("HTTP/1.") else { throw Refusal() }
        var bodyCount = 0
        for line in lines.dropFirst() where line.lowercased().hasPrefix("content-length:") {
            let text = line.dropFirst(15).filter { $0 != " " }
            guard let count = Int(text), (0...Self.bodyBytesMaximum).contains(count) else { throw Refusal() }
            bodyCount = count
        }
        head = (String(words[0]), String(words[1]), start + 4, bodyCount)
        if bodyCount > 0 { buffer.reserveCapacity(start + 4 + bodyCount) }
    }
}
