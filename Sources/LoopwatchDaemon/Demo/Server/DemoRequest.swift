// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A request to the demo's own server.
struct DemoRequest: Sendable, Equatable {
    /// `GET`, `POST`, ...
    var method: String
    /// What was asked for, such as `/hello`.
    var path: String
    /// What came with it.
    var body: [UInt8]
}

/// An answer of the demo's own server.
struct DemoResponse: Sendable, Equatable {
    /// The status code.
    var status: Int
    /// A line of text.
    var text: String

    /// The answer as HTTP/1.1.
    var bytes: [UInt8] {
        let body = text + "\n"
        let head =
            "HTTP/1.1 \(status) \(reason)\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        return Array((head + body).utf8)
    }

    private var reason: String {
        switch status {
        case 200: "OK"
        case 202: "Accepted"
        case 404: "Not Found"
        case 400: "Bad Request"
        default: "Internal Server Error"
        }
    }
}
