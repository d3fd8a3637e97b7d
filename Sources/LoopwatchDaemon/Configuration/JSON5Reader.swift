// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads JSON5 (https://spec.json5.org) and remembers where everything stands.
///
/// The toolchain's decoder tells neither lines nor duplicate keys, and whoever writes a configuration needs both.
struct JSON5Reader {
    /// Why a text is no JSON5.
    struct Problem: Error, Equatable {
        var position: TextPosition
        var message: String
    }

    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var line = 1
    private var lineStart = 0
    private var depth = 0

    /// Deepest nesting.
    static let depthMost = 32

    private init(_ text: String) {
        scalars = Array(text.unicodeScalars)
        // A byte order mark is white space.
    }

    /// Reads a whole document.
    static func read(_ text: String) throws(Problem) -> JSON5Value {
        var reader = JSON5Reader(text)
        try reader.skipSpace()
        let value = try reader.value()
        try reader.skipSpace()
        guard reader.isAtEnd else { throw reader.problem("expected the end of the file after the value") }
        return value
    }

    // MARK: Scalars

    private var isAtEnd: Bool { index >= scalars.count }
    private var current: Unicode.Scalar? { isAtEnd ? nil : scalars[index] }
    private var position: TextPosition { TextPosition(line: line, column: index - lineStart + 1) }

    private func peek(_ offset: Int) -> Unicode.Scalar? {
        index + offset < scalars.count ? scalars[index + offset] : nil
    }

    private mutating func advance() {
        let scalar = scalars[index]
        index += 1
        // A carriage return and its line feed are one end of a line.
        if scalar == "\n" || scalar == "\u{2028}" || scalar == "\u{2029}" || (scalar == "\r" && current != "\n") {
            line += 1
            lineStart = index
        }
    }

    private func problem(_ expected: String, at place: TextPosition? = nil) -> Problem {
        let found = current.map { "'\($0.isASCII && $0.value >= 0x20 ? String($0) : $0.escaped(asASCII: true))'" }
        return Problem(
            position: place ?? position,
            message: "\(expected); found \(found ?? "the end of the file")"
        )
    }

    private mutating func skipSpace() throws(Problem) {
        while let scalar = current {
            if scalar == "/", peek(1) == "/" {
                while let scalar = current, !scalar.isLineEnd { advance() }
            } else if scalar == "/", peek(1) == "*" {
                let start = position
                advance()
                advance()
                while !(current == "*" && peek(1) == "/") {
                    guard !isAtEnd else {
                        throw Problem(position: start, message: "the comment that begins here has no end; expected */")
                    }
                    advance()
                }
                advance()
                advance()
            } else if scalar.isSpace {
                advance()
            } else {
                return
            }
        }
    }

    // MARK: Values

    private mutating func value() throws(Problem) -> JSON5Value {
        let start = position
        guard let scalar = current else { throw problem("expected a value") }
        switch scalar {
        case "{": return JSON5Value(content: .object(try object()), position: start)
        case "[": return JSON5Value(content: .array(try array()), position: start)
        case "\"", "'": return JSON5Value(content: .string(try string()), position: start)
        case "0"..."9", "+", "-", ".": return JSON5Value(content: .number(try number()), position: start)
        default:
            guard scalar.startsName else { throw problem("expected a value") }
            let word = try name()
            switch word {
            case "null": return JSON5Value(content: .null, position: start)
            case "true", "false": return JSON5Value(content: .boolean(word == "true"), position: start)
            case "Infinity", "NaN": return JSON5Value(content: .number(word), position: start)
            default:
                throw Problem(position: start, message: "'\(word)' is no value; a text needs quotes: \"\(word)\"")
            }
        }
    }

    private mutating func enter() throws(Problem) {
        depth += 1
        guard depth <= Self.depthMost else { throw problem("expected at most \(Self.depthMost) levels") }
        advance()
    }

    private func unended(_ kind: String, _ end: String, from start: TextPosition) -> Problem {
        Problem(position: start, message: "the \(kind) that begins here has no end; expected \(end)")
    }

    private mutating func object() throws(Problem) -> [JSON5Value.Member] {
        let start = position
        try enter()
        defer { depth -= 1 }
        var members: [JSON5Value.Member] = []
        while true {
            try skipSpace()
            if current == "}" {
                advance()
                return members
            }
            guard !isAtEnd else { throw unended("object", "}", from: start) }
            let place = position
            let key: String
            if current == "\"" || current == "'" {
                key = try string()
            } else if let scalar = current, scalar.startsName || scalar == "\\" {
                key = try name()
            } else {
                throw problem("expected a key or }")
            }
            try skipSpace()
            guard current == ":" else { throw problem("expected : after the key '\(key)'") }
            advance()
            try skipSpace()
            members.append(JSON5Value.Member(key: key, position: place, value: try value()))
            try skipSpace()
            if current == "," { advance() } else if !isAtEnd, current != "}" { throw problem("expected , or }") }
        }
    }

    private mutating func array() throws(Problem) -> [JSON5Value] {
        let start = position
        try enter()
        defer { depth -= 1 }
        var values: [JSON5Value] = []
        while true {
            try skipSpace()
            if current == "]" {
                advance()
                return values
            }
            guard !isAtEnd else { throw unended("list", "]", from: start) }
            values.append(try value())
            try skipSpace()
            if current == "," { advance() } else if !isAtEnd, current != "]" { throw problem("expected , or ]") }
        }
    }

    private mutating func name() throws(Problem) -> String {
        var name = String.UnicodeScalarView()
        while let scalar = current {
            if scalar == "\\" {
                advance()
                guard current == "u" else { throw problem("expected u after the backslash in a key") }
                advance()
                name.append(try unicode())
            } else if scalar.startsName || scalar.continuesName {
                name.append(scalar)
                advance()
            } else {
                break
            }
        }
        return String(name)
    }

    /// JSON5Number: a sign, then a decimal or hexadecimal number, `Infinity` or `NaN`.
    private mutating func number() throws(Problem) -> String {
        let start = index
        if current == "+" || current == "-" { advance() }
        if let scalar = current, scalar.startsName {
            let place = position
            let word = try name()
            guard word == "Infinity" || word == "NaN" else {
                throw Problem(position: place, message: "expected a number; found '\(word)'")
            }
        } else if current == "0", peek(1) == "x" || peek(1) == "X" {
            advance()
            advance()
            guard try digits(hexadecimal: true) > 0 else { throw problem("expected a hexadecimal digit") }
        } else {
            let isZero = current == "0"
            let whole = try digits()
            if isZero, whole > 1 { throw problem("a number must not begin with 0") }
            var fraction = 0
            if current == "." {
                advance()
                fraction = try digits()
            }
            guard whole + fraction > 0 else { throw problem("expected a digit") }
            if current == "e" || current == "E" {
                advance()
                if current == "+" || current == "-" { advance() }
                guard try digits() > 0 else { throw problem("expected a digit of the exponent") }
            }
        }
        // 10ms without quotes is a mistake that is easily made.
        if let scalar = current, scalar.startsName || scalar.continuesName {
            throw problem("expected the end of the number; a duration needs quotes, such as \"100ms\"")
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[start..<index])
        return String(text)
    }

    private mutating func digits(hexadecimal: Bool = false) throws(Problem) -> Int {
        var count = 0
        while let scalar = current, scalar.isASCII,
            hexadecimal ? scalar.properties.isASCIIHexDigit : ("0"..."9").contains(scalar)
        {
            count += 1
            advance()
        }
        return count
    }

    private mutating func string() throws(Problem) -> String {
        let start = position
        let quote = scalars[index]
        advance()
        var text = String.UnicodeScalarView()
        while let scalar = current, scalar != quote {
            if scalar == "\\" {
                advance()
                if let escaped = try escape() { text.append(escaped) }
            } else if scalar == "\n" || scalar == "\r" {
                throw Problem(position: start, message: "the string that begins here has no end on its line")
            } else {
                text.append(scalar)
                advance()
            }
        }
        guard !isAtEnd else { throw Problem(position: start, message: "the string that begins here has no end") }
        advance()
        return String(text)
    }

    /// What a backslash and what follows it stand for; `nil` for the end of a line, which stands for nothing.
    private mutating func escape() throws(Problem) -> Unicode.Scalar? {
        guard let scalar = current else { throw problem("expected a character after the backslash") }
        switch scalar {
        case "u":
            advance()
            return try unicode()
        case "x":
            advance()
            return Unicode.Scalar(UInt8(try hexadecimal(digits: 2)))
        case "1"..."9": throw problem("expected an escape that JSON5 knows")
        case "0":
            advance()
            if let next = current, ("0"..."9").contains(next) { throw problem("expected no digit after \\0") }
            return "\0"
        default:
            advance()
            if scalar == "\r", current == "\n" { advance() }
            if scalar.isLineEnd { return nil }
            return Self.escapes[scalar] ?? scalar
        }
    }

    private static let escapes: [Unicode.Scalar: Unicode.Scalar] = [
        "b": "\u{8}", "f": "\u{C}", "n": "\n", "r": "\r", "t": "\t", "v": "\u{B}",
    ]

    /// Four hexadecimal digits, or twice four for a character outside the basic plane.
    private mutating func unicode() throws(Problem) -> Unicode.Scalar {
        let start = position
        let first = try hexadecimal(digits: 4)
        if (0xD800...0xDBFF).contains(first), current == "\\", peek(1) == "u" {
            advance()
            advance()
            let second = try hexadecimal(digits: 4)
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
        }
        guard let scalar = Unicode.Scalar(first) else {
            throw Problem(position: start, message: "half of a surrogate pair stands for no character")
        }
        return scalar
    }

    private mutating func hexadecimal(digits count: Int) throws(Problem) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let scalar = current, scalar.properties.isASCIIHexDigit,
                let digit = Character(scalar).hexDigitValue
            else { throw problem("expected a hexadecimal digit") }
            value = value << 4 | UInt32(digit)
            advance()
        }
        return value
    }
}

extension Unicode.Scalar {
    fileprivate var isLineEnd: Bool { self == "\n" || self == "\r" || self == "\u{2028}" || self == "\u{2029}" }

    fileprivate var isSpace: Bool {
        switch self {
        case "\t", "\u{B}", "\u{C}", "\u{FEFF}": true
        default: isLineEnd || properties.generalCategory == .spaceSeparator
        }
    }

    /// Whether an identifier may begin with it (ECMAScript 5.1, section 7.6).
    fileprivate var startsName: Bool {
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .letterNumber: true
        default: self == "$" || self == "_"
        }
    }

    fileprivate var continuesName: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .decimalNumber, .connectorPunctuation: true
        default: self == "\u{200C}" || self == "\u{200D}"
        }
    }
}
