// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Why the server refused a connection or a request.
package enum HTTPRejectionReason: String, Sendable, CaseIterable {
    /// Something was larger than is allowed.
    case limit
    /// The request did not come in time.
    case timeout
    /// The request was not one that the server understands.
    case malformed
    /// The request was addressed to a host that this is not.
    case host
    /// There were too many connections or streams.
    case overload
}
