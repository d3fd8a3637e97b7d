// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A JSON value with the order of its members, and a strict reader of RFC 8259.
indirect enum JSONValue: Equatable {
    case null
    case boolean(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A member of an object.
    struct Member: Equatable {
        var name: String
        var value: JSONValue
    }

    /// Reads one value, which must be all there is but for one line feed at the end.
    static func parse(_ bytes: [UInt8]) throws -> JSONValue {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ExpositionFault("bad UTF-8") }
        var rest = Substring(text).unicodeScalars
        if rest.last == "\n" { rest.removeLast() }
        let value = try JSONValue(&rest)
        guard rest.isEmpty else { throw ExpositionFault("text after the value: \(String(rest))") }
        return value
    }

    /// The names of an object's members.
    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }

    /// A member of an object.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    private typealias Scalars = Substring.UnicodeScalarView

    private init(_ rest: inout Scalars) throws {
        switch rest.first {
        case "{": self = .object(try Self.list(&rest, end: "}", Self.member))
        case "[": self = .array(try Self.list(&rest, end: "]") { try JSONValue(&$0) })
        case "\"": self = .string(try Self.string(&rest))
        default:
            let word = String(rest.prefix { !",]}".unicodeScalars.contains($0) })
            rest = rest.dropFirst(word.unicodeScalars.count)
            switch word {
            case "null": self = .null
            case "true": self = .boolean(true)
            case "false": self = .boolean(false)
            default:
                guard word.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil else {
                    throw ExpositionFault("no value: \(word)")
                }
                self = .number(word)
            }
        }
    }

    private static func list<Element>(
        _ rest: inout Scalars,
        end: Unicode.Scalar,
        _ element: (inout Scalars) throws -> Element
    ) throws -> [Element] {
        rest.removeFirst()
        var elements: [Element] = []
        if rest.first == end {
            rest.removeFirst()
            return elements
        }
        while true {
            elements.append(try element(&rest))
            let next = rest.popFirst()
            if next == end { return elements }
            guard next == "," else { throw ExpositionFault("no comma") }
        }
    }

    private static func member(_ rest: inout Scalars) throws -> Member {
        guard rest.first == "\"" else { throw ExpositionFault("no name") }
        let name = try string(&rest)
        guard rest.popFirst() == ":" else { throw ExpositionFault("no colon") }
        return Member(name: name, value: try JSONValue(&rest))
    }

    private static func string(_ rest: inout Scalars) throws -> String {
        rest.removeFirst()
        var value = String.UnicodeScalarView()
        let escapes: [Unicode.Scalar: Unicode.Scalar] = [
            "\"": "\"", "\\": "\\", "/": "/", "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t",
        ]
        while let scalar = rest.popFirst() {
            if scalar == "\"" { return String(value) }
            guard scalar.value >= 0x20 else { throw ExpositionFault("control character in string") }
            guard scalar == "\\" else {
                value.append(scalar)
                continue
            }
            guard let escaped = rest.popFirst() else { break }
            if escaped == "u" {
                guard let unit = UInt32(String(rest.prefix(4)), radix: 16).flatMap(Unicode.Scalar.init) else {
                    throw ExpositionFault("bad escape")
                }
                value.append(unit)
                rest = rest.dropFirst(4)
            } else if let character = escapes[escaped] {
                value.append(character)
            } else {
                throw ExpositionFault("bad escape")
            }
        }
        throw ExpositionFault("open string")
    }
}
