// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The head of a request: well-formed, its meaning not yet looked at.
struct HTTPHead: Sendable, Equatable {
    /// The method as it was sent.
    var method: String
    /// The target as it was sent; visible ASCII only.
    var target: [UInt8]
    /// The digit after `HTTP/1.`.
    var minorVersion: Int
    /// The header fields in their order.
    var fields: [HTTPField]

    /// All values of a header field, by its name in lower case.
    func values(of name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }
}
