// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a test is told.
struct Problem: Sendable, Equatable {
    /// The sentence.
    var text: String
    /// Whether the test fails by it.
    var isFailure = true
}
