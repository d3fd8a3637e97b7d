// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A value that a configuration cannot have.
public struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The property or the environment variable.
    public var key: String
    /// The value it had.
    public var value: String
    /// What is allowed.
    public var expected: String

    /// Creates an error.
    public init(key: String, value: String, expected: String) {
        self.key = key
        self.value = value
        self.expected = expected
    }

    /// A sentence that names the key, the value and what is allowed.
    public var description: String {
        "\(key): '\(value)' is not allowed; expected \(expected)."
    }
}
