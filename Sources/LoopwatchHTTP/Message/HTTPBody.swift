// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The body of an answer.
package enum HTTPBody: Sendable {
    /// Bytes that are there already.
    case bytes([UInt8])
    /// Bytes that come over time.
    case stream(any HTTPStream)
}
