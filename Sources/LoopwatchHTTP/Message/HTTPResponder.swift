// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Answers requests; called on the server's thread, one request at a time.
package protocol HTTPResponder: Sendable {
    /// Answers a request; must not block, since every client waits meanwhile.
    func respond(to request: HTTPRequest) -> HTTPResponse

    /// Does what is due without a request; called on the server's thread each time that it goes round, at least once in
    /// ``HTTPLimits/turnMaximum``.
    ///
    /// Must not block either.
    func turn(at now: MonotonicInstant)
}

extension HTTPResponder {
    /// Nothing is due without a request.
    package func turn(at now: MonotonicInstant) {}
}
