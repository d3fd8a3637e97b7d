// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the server has done so far.
package struct HTTPStatistics: Sendable, Equatable {
    /// How often a handler answered with a status code.
    package struct RequestCount: Sendable, Equatable {
        /// The handler's name; `server` for refusals by the server itself.
        package var handler: String
        /// The status code.
        package var code: Int
        /// How often.
        package var count: Int
    }

    /// How often something was refused for a reason.
    package struct RejectionCount: Sendable, Equatable {
        /// The reason.
        package var reason: HTTPRejectionReason
        /// How often.
        package var count: Int
    }

    /// Requests answered, ordered by handler and code; only pairs that occurred.
    package var requests: [RequestCount] = []
    /// Connections that are open now.
    package var openConnections = 0
    /// Connections and requests that were refused, for every reason in the order of ``HTTPRejectionReason``.
    package var rejections = HTTPRejectionReason.allCases.map { RejectionCount(reason: $0, count: 0) }
    /// Clients of streams that were cut off since they took nothing for too long.
    package var slowStreamClients = 0

    /// Creates statistics of a server that has done nothing.
    package init() {}
}
