// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A header field of a request.
struct HTTPField: Sendable, Equatable {
    /// The name in lower case.
    var name: String
    /// The value without the white space around it; bytes that are not UTF-8 are replaced.
    var value: String
}
