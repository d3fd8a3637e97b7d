// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// An answer, as a responder makes it.
package struct HTTPResponse: Sendable {
    /// The status code.
    package var status: Int
    /// Header fields; those that frame the message (`Content-Length` and the like) are the server's own.
    package var headers: [(name: String, value: String)]
    /// The body.
    package var body: HTTPBody
    /// Name of what answered, for counting requests: one of few.
    package var handler: String

    /// Creates an answer from its parts, for a body of either kind.
    package init(status: Int, headers: [(name: String, value: String)], body: HTTPBody, handler: String) {
        self.status = status
        self.headers = headers
        self.body = body
        self.handler = handler
    }

    /// Creates an answer whose body is known.
    package init(
        status: Int,
        contentType: String,
        body: [UInt8],
        handler: String,
        headers: [(name: String, value: String)] = []
    ) {
        self.init(
            status: status,
            headers: [(name: "Content-Type", value: contentType)] + headers,
            body: .bytes(body),
            handler: handler
        )
    }
}
