// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A place in a text; lines and columns count from 1, columns in characters.
struct TextPosition: Equatable, Sendable {
    /// Line, from 1.
    var line: Int
    /// Column, from 1, in Unicode scalars.
    var column: Int
}

/// A value of a JSON5 document, and where it stands.
struct JSON5Value: Equatable, Sendable {
    /// A member of an object.
    struct Member: Equatable, Sendable {
        var key: String
        var position: TextPosition
        var value: JSON5Value
    }

    /// What it is.
    enum Content: Equatable, Sendable {
        case null
        case boolean(Bool)
        /// A number as it is written.
        case number(String)
        case string(String)
        case array([JSON5Value])
        /// Members in their order; a key may occur twice, which is for the reader of the values to refuse.
        case object([Member])
    }

    var content: Content
    var position: TextPosition

    /// What it is, in words.
    var kind: String {
        switch content {
        case .null: "null"
        case .boolean: "true or false"
        case .number: "a number"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// The value as it would be written, for messages.
    var text: String {
        switch content {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .number(let text): text
        case .string(let text): text
        case .array: "[...]"
        case .object: "{...}"
        }
    }
}
