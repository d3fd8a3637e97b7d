// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Reads an HTTP/1.1 answer (RFC 9112) as its bytes come: the head, then the body without its framing.
///
/// Decides only: whoever has the socket passes the bytes in. What a server of another kind could send to do harm, by sizes
/// that are too large or lines that do not end, is a ``Problem``.
struct HTTPResponseReader {
    /// What is wrong with an answer.
    enum Problem: Error, Equatable {
        /// It is no HTTP/1.x; a few bytes of what came.
        case notHTTP(String)
        /// Its head is longer than ``Limits/answerHeadBytes``.
        case headTooLong
        /// Its framing is not understood: a length, a coding or the size of a chunk.
        case framing(String)
        /// The connection ended within it.
        case cutOff
    }

    /// A part of an answer.
    enum Part: Equatable {
        /// The status, and the fields by their names in lower case.
        case head(status: Int, fields: [String: String])
        /// A piece of the body.
        case body([UInt8])
        /// The answer is over.
        case end
    }

    private enum State: Equatable {
        case head
        /// The body has so many bytes yet.
        case counted(Int)
        case untilEnd
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailer
        case over
    }

    private var state = State.head
    private var buffer: [UInt8] = []

    /// Largest length that is believed, in bytes: a stream has none.
    private static let bytesMost = 1 << 40

    /// Whether the answer is over.
    var isOver: Bool { state == .over }

    /// Takes what has come; returns what can be told of it.
    mutating func add(_ bytes: some Sequence<UInt8>) throws(Problem) -> [Part] {
        buffer += bytes
        var parts: [Part] = []
        while let part = try next() { parts.append(part) }
        return parts
    }

    /// Notes that the server sends nothing more.
    mutating func end() throws(Problem) -> [Part] {
        switch state {
        case .over: return []
        case .untilEnd:
            state = .over
            return [.end]
        default: throw .cutOff
        }
    }

    private mutating func next() throws(Problem) -> Part? {
        while true {
            switch state {
            case .head:
                guard let part = try head() else { return nil }
                return part
            case .counted(0):
                state = .over
                return .end
            case .counted(let left):
                guard !buffer.isEmpty else { return nil }
                let piece = take(min(left, buffer.count))
                state = .counted(left - piece.count)
                return .body(piece)
            case .untilEnd:
                guard !buffer.isEmpty else { return nil }
                return .body(take(buffer.count))
            case .chunkSize:
                guard let line = try line(of: "chunk size") else { return nil }
                // What follows a semicolon is an extension, which nobody needs.
                let digits = line.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
                guard !digits.isEmpty, digits.utf8.count <= 10, digits.utf8.allSatisfy({ Self.isHexadecimal($0) }),
                    let size = Int(digits, radix: 16), size <= Self.bytesMost
                else { throw .framing("the size of a chunk: '\(line.prefix(20))'") }
                state = size == 0 ? .trailer : .chunk(size)
            case .chunk(0): state = .chunkEnd
            case .chunk(let left):
                guard !buffer.isEmpty else { return nil }
                let piece = take(min(left, buffer.count))
                state = .chunk(left - piece.count)
                return .body(piece)
            case .chunkEnd:
                guard let line = try line(of: "end of a chunk") else { return nil }
                guard line.isEmpty else { throw .framing("a chunk is longer than it says") }
                state = .chunkSize
            case .trailer:
                guard let line = try line(of: "trailer") else { return nil }
                guard line.isEmpty else { continue }
                state = .over
                return .end
            case .over: return nil
            }
        }
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        if count == buffer.count {
            defer { buffer = [] }
            return buffer
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    /// The next line without its end; `nil` where it is not there yet.
    private mutating func line(of what: String) throws(Problem) -> String? {
        guard let end = buffer.firstIndex(of: 0x0A) else {
            guard buffer.count <= Limits.answerHeadBytes else { throw .framing("the \(what) has no end") }
            return nil
        }
        var line = buffer[..<end]
        if line.last == 0x0D { line = line.dropLast() }
        defer { buffer.removeSubrange(...end) }
        return String(decoding: line, as: UTF8.self)
    }

    private mutating func head() throws(Problem) -> Part? {
        let start = Array("HTTP/1.".utf8)
        guard buffer.prefix(start.count).elementsEqual(start.prefix(buffer.count)) else {
            throw .notHTTP(String(decoding: buffer.prefix(40), as: UTF8.self))
        }
        guard let length = Self.headLength(buffer) else {
            guard buffer.count <= Limits.answerHeadBytes else { throw .headTooLong }
            return nil
        }
        guard length <= Limits.answerHeadBytes else { throw .headTooLong }
        let lines = String(decoding: take(length), as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[1].utf8.count == 3, let status = Int(words[1]), (100...599).contains(status)
        else {
            throw .notHTTP(String(lines.first?.prefix(40) ?? ""))
        }
        // Interim answers (RFC 9110, 15.2) come before the one that counts.
        if (100..<200).contains(status) { return try head() }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let value = parts[1].drop { $0 == " " || $0 == "\t" }
            fields[parts[0].lowercased()] = String(value)
        }
        state = try bodyState(status: status, fields)
        return .head(status: status, fields: fields)
    }

    /// How the body ends (RFC 9112, 6.3).
    private func bodyState(status: Int, _ fields: [String: String]) throws(Problem) -> State {
        if status == 204 || status == 304 { return .counted(0) }
        if let coding = fields["transfer-encoding"]?.lowercased() {
            guard coding == "chunked" else { throw .framing("the coding '\(coding.prefix(40))'") }
            return .chunkSize
        }
        guard let text = fields["content-length"] else { return .untilEnd }
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(text), length <= Self.bytesMost else {
            throw .framing("the length '\(text.prefix(40))'")
        }
        return .counted(length)
    }

    /// The length of the head with its empty line; `nil` where that has not come yet.
    private static func headLength(_ bytes: [UInt8]) -> Int? {
        var index = 0
        while let end = bytes[index...].firstIndex(of: 0x0A) {
            let after = end + 1
            if after < bytes.count, bytes[after] == 0x0A { return after + 1 }
            if after + 1 < bytes.count, bytes[after] == 0x0D, bytes[after + 1] == 0x0A { return after + 2 }
            index = after
        }
        return nil
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...70).contains(byte) || (97...102).contains(byte)
    }
}

extension HTTPResponseReader.Problem: CustomStringConvertible {
    /// A sentence without its end.
    var description: String {
        switch self {
        case .notHTTP(let start): "what answers is no HTTP server: '\(start)'"
        case .headTooLong: "the head of the answer is longer than \(Limits.answerHeadBytes) bytes"
        case .framing(let what): "the answer is not understood: \(what)"
        case .cutOff: "the connection ended in the middle of the answer"
        }
    }
}
