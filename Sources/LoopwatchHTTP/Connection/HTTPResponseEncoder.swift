// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Turns answers into bytes.
enum HTTPResponseEncoder {
    /// How the client learns where the body ends.
    enum Framing: Equatable {
        /// By its length.
        case length(Int)
        /// By a last chunk.
        case chunked
        /// By the end of the connection: all that HTTP/1.0 has for a body of unknown length.
        case untilClose
    }

    /// What becomes of the connection after the answer.
    enum Persistence: Equatable {
        /// It stays open, as HTTP/1.1 has it unless somebody objects.
        case keptAlive
        /// It stays open, which has to be said in HTTP/1.0.
        case keptAliveAsAsked
        /// It is closed.
        case closed
    }

    /// The fields that the encoder alone decides on.
    private static let reserved: Set<String> = ["connection", "content-length", "keep-alive", "transfer-encoding"]
    private static let defaults = [
        (name: "X-Content-Type-Options", value: "nosniff"),
        (name: "Cache-Control", value: "no-store"),
    ]

    /// The head of an answer, with its empty line.
    static func head(of response: HTTPResponse, framing: Framing, persistence: Persistence) -> [UInt8] {
        var bytes: [UInt8] = []
        let status = (100...999).contains(response.status) ? response.status : 500
        bytes.append(contentsOf: "HTTP/1.1 \(status) \(HTTPStatus.phrase(of: status))\r\n".utf8)
        var given: Set<String> = []
        for header in response.headers {
            let name = header.name.lowercased()
            guard !reserved.contains(name), !name.isEmpty, name.utf8.allSatisfy(\.isToken) else { continue }
            given.insert(name)
            append(header.name, header.value, to: &bytes)
        }
        for header in defaults where !given.contains(header.name.lowercased()) {
            append(header.name, header.value, to: &bytes)
        }
        switch framing {
        case .length(let count): append("Content-Length", String(count), to: &bytes)
        case .chunked: append("Transfer-Encoding", "chunked", to: &bytes)
        case .untilClose: break
        }
        switch persistence {
        case .keptAlive: break
        case .keptAliveAsAsked: append("Connection", "keep-alive", to: &bytes)
        case .closed: append("Connection", "close", to: &bytes)
        }
        bytes.append(contentsOf: [.carriageReturn, .lineFeed])
        return bytes
    }

    /// One piece of a body that goes on, as it is framed; nothing for an empty piece, which would be the last chunk.
    static func piece(_ body: [UInt8], framing: Framing) -> [UInt8] {
        guard framing == .chunked else { return body }
        guard !body.isEmpty else { return [] }
        var bytes = Array("\(String(body.count, radix: 16))\r\n".utf8)
        bytes.append(contentsOf: body)
        bytes.append(contentsOf: [.carriageReturn, .lineFeed])
        return bytes
    }

    /// The end of a body that went on.
    static func end(framing: Framing) -> [UInt8] {
        framing == .chunked ? Array("0\r\n\r\n".utf8) : []
    }

    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: ": ".utf8)
        // A value that ends its line could add fields or a whole second answer.
        bytes.append(contentsOf: value.utf8.filter(\.isFieldValue))
        bytes.append(contentsOf: [.carriageReturn, .lineFeed])
    }
}
