// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Answers requests; called on the server's thread, one request at a time.
package protocol HTTPResponder: Sendable {
    /// Answers a request; must not block, since every client waits meanwhile.
    func respond(to request: HTTPRequest) -> HTTPResponse
}
