// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A refusal by the server itself, before or instead of the responder's answer; the connection is closed after it.
struct HTTPRejection: Error, Sendable, Equatable {
    /// Under which name the server counts its own answers.
    static let handler = "server"

    /// The status code of the answer.
    var status: Int
    /// Why, for counting.
    var reason: HTTPRejectionReason
    /// What was wrong, for the person who reads the answer.
    var explanation: String
    /// Seconds after which to try again, if that may help.
    var retryAfterSeconds: Int?

    /// Creates a refusal.
    init(_ status: Int, _ reason: HTTPRejectionReason, _ explanation: String, retryAfterSeconds: Int? = nil) {
        self.status = status
        self.reason = reason
        self.explanation = explanation
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// A refusal with 400 of what is not HTTP as the server understands it.
    static func malformed(_ explanation: String) -> HTTPRejection {
        HTTPRejection(400, .malformed, explanation)
    }

    /// The answer.
    var response: HTTPResponse {
        var headers: [(name: String, value: String)] = []
        if status == 405 { headers.append((name: "Allow", value: "GET, HEAD")) }
        if let retryAfterSeconds { headers.append((name: "Retry-After", value: String(retryAfterSeconds))) }
        return HTTPResponse(
            status: status,
            contentType: "text/plain; charset=utf-8",
            body: Array("\(status) \(HTTPStatus.phrase(of: status)): \(explanation)\n".utf8),
            handler: HTTPRejection.handler,
            headers: headers
        )
    }
}
