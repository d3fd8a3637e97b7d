// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads one sample line of either format; anything that is not exactly as specified is a fault.
struct SampleLineParser {
    /// Whether unknown escapes are tolerated and exemplars understood, as OpenMetrics has it.
    let isOpenMetrics: Bool
    private let bytes: [UInt8]
    private var index = 0

    /// Creates a parser of a line without its line feed.
    init(_ line: some Sequence<UInt8>, isOpenMetrics: Bool) {
        bytes = Array(line)
        self.isOpenMetrics = isOpenMetrics
    }

    /// Reads the line to its end.
    mutating func parse() throws -> ParsedSample {
        let name = try identifier(allowsColon: true)
        let labels = peek == UInt8(ascii: "{") ? try labelSet() : [:]
        try expect(" ")
        let valueText = word()
        guard let value = Self.number(valueText) else { throw ExpositionFault("bad value '\(valueText)'") }
        var sample = ParsedSample(name: name, labels: labels, value: value, valueText: valueText)
        if peek == UInt8(ascii: " "), bytes.dropFirst(index + 1).first != UInt8(ascii: "#") {
            index += 1
            sample.timestamp = try timestamp()
        }
        if isOpenMetrics, peek == UInt8(ascii: " ") {
            for character in [" ", "#", " "] as [Unicode.Scalar] { try expect(character) }
            sample.exemplar = try exemplar()
        }
        guard index == bytes.count else { throw ExpositionFault("text after the value") }
        return sample
    }

    /// Reads an exemplar.
    private mutating func exemplar() throws -> ParsedExemplar {
        guard peek == UInt8(ascii: "{") else { throw ExpositionFault("exemplar without labels") }
        let labels = try labelSet()
        let length = labels.reduce(0) { $0 + $1.key.unicodeScalars.count + $1.value.unicodeScalars.count }
        guard length <= 128 else { throw ExpositionFault("exemplar too long") }
        try expect(" ")
        let text = word()
        guard let value = Self.number(text) else { throw ExpositionFault("bad exemplar value '\(text)'") }
        guard peek == UInt8(ascii: " ") else { return ParsedExemplar(labels: labels, value: value) }
        index += 1
        return ParsedExemplar(labels: labels, value: value, timestamp: try timestamp())
    }

    /// Reads labels with their braces.
    private mutating func labelSet() throws -> [String: String] {
        index += 1
        var labels: [String: String] = [:]
        if peek == UInt8(ascii: "}") {
            index += 1
            return labels
        }
        while true {
            let name = try identifier(allowsColon: false)
            try expect("=")
            try expect("\"")
            guard labels.updateValue(try quoted(), forKey: name) == nil else {
                throw ExpositionFault("label \(name) twice")
            }
            if peek == UInt8(ascii: "}") {
                index += 1
                return labels
            }
            try expect(",")
        }
    }

    /// Reads a label value behind its opening quote, and the closing one.
    private mutating func quoted() throws -> String {
        var value: [UInt8] = []
        while let byte = peek {
            index += 1
            if byte == UInt8(ascii: "\"") {
                guard let text = String(validating: value, as: UTF8.self) else { throw ExpositionFault("bad UTF-8") }
                return text
            }
            guard byte == UInt8(ascii: "\\") else {
                value.append(byte)
                continue
            }
            guard let escaped = peek else { break }
            index += 1
            switch escaped {
            case UInt8(ascii: "n"): value.append(0x0A)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): value.append(escaped)
            default:
                guard isOpenMetrics else { throw ExpositionFault("unknown escape") }
                value += [byte, escaped]
            }
        }
        throw ExpositionFault("label value without closing quote")
    }

    /// Reads a timestamp, which is a finite number (and in the format 0.0.4 a whole one).
    private mutating func timestamp() throws -> Double {
        let text = word()
        guard let value = Self.number(text), value.isFinite, isOpenMetrics || Int64(text) != nil else {
            throw ExpositionFault("bad timestamp '\(text)'")
        }
        return value
    }

    /// Reads a name.
    private mutating func identifier(allowsColon: Bool) throws -> String {
        let start = index
        while let byte = peek, Self.isNameByte(byte, isFirst: index == start, allowsColon: allowsColon) { index += 1 }
        guard index > start else { throw ExpositionFault("no name at column \(start + 1)") }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// Reads up to the next space or the end.
    private mutating func word() -> String {
        let start = index
        while let byte = peek, byte != UInt8(ascii: " ") { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// Reads one expected character.
    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard peek == UInt8(ascii: character) else {
            throw ExpositionFault("expected '\(character)' at column \(index + 1)")
        }
        index += 1
    }

    /// The byte at hand.
    private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// Whether a byte may stand in a name.
    static func isNameByte(_ byte: UInt8, isFirst: Bool, allowsColon: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !isFirst
        case UInt8(ascii: ":"): allowsColon
        default: false
        }
    }

    /// Reads a number of the specification's grammar: no hexadecimal digits, no underscores.
    static func number(_ text: String) -> Double? {
        var rest = Substring(text)
        if rest.first == "+" || rest.first == "-" { rest.removeFirst() }
        if ["inf", "infinity", "nan"].contains(rest.lowercased()) { return Double(text) }
        guard rest.utf8.contains(where: { (0x30...0x39).contains($0) }),
            rest.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) })
        else { return nil }
        return Double(text)
    }
}
