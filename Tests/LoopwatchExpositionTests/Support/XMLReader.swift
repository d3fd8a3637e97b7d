// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A strict check that a text is well-formed XML 1.0, as far as a flame graph uses it.
enum XMLReader {
    /// An element with its attributes and the text directly in it.
    struct Element: Equatable {
        var name: String
        var attributes: [String: String]
        var text = ""
        var depth: Int
    }

    /// Reads all elements, in the order of their starts.
    static func elements(_ bytes: [UInt8]) throws -> [Element] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ExpositionFault("bad UTF-8") }
        for scalar in text.unicodeScalars {
            let isAllowed = scalar == "\t" || scalar == "\n" || scalar.value >= 0x20
            guard isAllowed, scalar != "\u{FFFE}", scalar != "\u{FFFF}" else {
                throw ExpositionFault("no character of XML: \(scalar.value)")
            }
        }
        var elements: [Element] = []
        var open: [Int] = []
        var rest = Substring(text).unicodeScalars
        func taken(until end: Unicode.Scalar) throws -> String {
            let part = rest.prefix { $0 != end }
            rest = rest.dropFirst(part.count)
            guard rest.popFirst() == end else { throw ExpositionFault("no \(end)") }
            return String(part)
        }
        while let scalar = rest.first {
            guard scalar == "<" else {
                let part = String(rest.prefix { $0 != "<" })
                rest = rest.dropFirst(part.unicodeScalars.count)
                let text = try unescaped(part)
                if let last = open.last {
                    elements[last].text += text
                } else if !text.allSatisfy(\.isWhitespace) {
                    throw ExpositionFault("text outside of the root")
                }
                continue
            }
            rest.removeFirst()
            let tag = try taken(until: ">")
            if tag.hasPrefix("/") {
                guard let last = open.popLast(), elements[last].name == tag.dropFirst() else {
                    throw ExpositionFault("end of \(tag) without its start")
                }
                continue
            }
            guard !open.isEmpty || elements.isEmpty else { throw ExpositionFault("two roots") }
            let body = tag.hasSuffix("/") ? String(tag.dropLast()) : tag
            let name = String(body.prefix { $0 != " " })
            guard name.wholeMatch(of: /[a-z]+/) != nil else { throw ExpositionFault("no name: \(name)") }
            var attributes: [String: String] = [:]
            for match in body.dropFirst(name.count).matches(of: /\ ([a-zA-Z-]+)="([^"<]*)"/) {
                attributes[String(match.1)] = try unescaped(String(match.2))
            }
            let rewritten = body.dropFirst(name.count).replacing(/\ ([a-zA-Z-]+)="([^"<]*)"/, with: "")
            guard rewritten.isEmpty else { throw ExpositionFault("no attribute: \(rewritten)") }
            elements.append(Element(name: name, attributes: attributes, depth: open.count))
            if !tag.hasSuffix("/") { open.append(elements.count - 1) }
        }
        guard open.isEmpty else { throw ExpositionFault("open elements") }
        return elements
    }

    /// Undoes the escapes, scalar by scalar: what follows may combine with the last character of an escape.
    private static func unescaped(_ text: String) throws -> String {
        let names: [String: Unicode.Scalar] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "#39": "'"]
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "&" else {
                result.append(scalar)
                continue
            }
            let name = String(String.UnicodeScalarView(rest.prefix { $0 != ";" }))
            rest = rest.dropFirst(name.unicodeScalars.count + 1)
            guard let character = names[name] else { throw ExpositionFault("bare &") }
            result.append(character)
        }
        return String(result)
    }
}
