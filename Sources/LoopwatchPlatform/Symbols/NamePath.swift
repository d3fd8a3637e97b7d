// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One place in a demangled name: module, types and function, with everything else read past.
struct NamePath {
    private let text: ArraySlice<UInt8>
    private var index: Int
    private var components: [String] = []
    private var extensionModule: String?

    init(_ text: ArraySlice<UInt8>) {
        self.text = text
        index = text.startIndex
    }

    /// What the place is called.
    var context: NameScanner.Context {
        if let closure = closureName() { return .init(text: closure, lastComponent: closure) }
        if text.starts(with: "conformance ".utf8) {
            var path = NamePath(text.dropFirst(12))
            path.read()
            let type = path.components.dropFirst(path.components.count > 1 ? 1 : 0).joined(separator: ".")
            return .init(text: type, lastComponent: type, conformingType: type)
        }
        var path = self
        path.read()
        let parts = path.components
        guard let first = parts.first, let last = parts.last else {
            let all = String(decoding: text, as: UTF8.self)
            return .init(text: all, lastComponent: all)
        }
        let hasModule = parts.count > 1 && !path.isLocal
        return .init(
            text: (hasModule ? parts.dropFirst() : parts[...]).joined(separator: "."),
            lastComponent: last,
            module: path.extensionModule ?? (hasModule ? first : nil)
        )
    }

    /// `closure #1` of `closure #1 @Sendable () -> () `, with the words before it.
    private func closureName() -> String? {
        for words in ["closure #", "implicit closure #", "explicit closure #", "autoclosure #"]
        where text.starts(with: words.utf8) {
            let digits = text.dropFirst(words.utf8.count).prefix { (48...57).contains($0) }
            return words + String(decoding: digits, as: UTF8.self)
        }
        return nil
    }

    /// Whether the place is a local function or type: `inner #1`.
    private var isLocal = false

    private mutating func read() {
        readExtension()
        while index < text.endIndex {
            guard let component = readComponent() else { return }
            components.append(component)
            skipBrackets(UInt8(ascii: "<"), UInt8(ascii: ">"))
            readLocalNumber()
            if index < text.endIndex, text[index] == UInt8(ascii: "(") { readArguments() }
            guard index < text.endIndex, text[index] == UInt8(ascii: ".") else { return }
            index += 1
        }
    }

    /// `(extension in Module):`.
    private mutating func readExtension() {
        let words = "(extension in "
        guard text[index...].starts(with: words.utf8) else { return }
        let name = text.dropFirst(words.utf8.count).prefix { $0 != UInt8(ascii: ")") }
        guard text[name.endIndex...].starts(with: "):".utf8) else { return }
        extensionModule = String(decoding: name, as: UTF8.self)
        index = name.endIndex + 2
    }

    private mutating func readComponent() -> String? {
        let start = index
        if text[start] == UInt8(ascii: "(") { return readPrivateName() }
        let operatorEnd = BracketDepth.endOfOperator(from: start, in: text)
        if operatorEnd > start {
            index = text[(operatorEnd + 1)...].firstIndex { $0 == 40 || $0 == 60 } ?? text.endIndex
            return String(decoding: text[start..<operatorEnd], as: UTF8.self)
        }
        if text[start] == UInt8(ascii: "`") {
            // Raw identifiers may hold anything but a backtick.
            let end = text[(start + 1)...].firstIndex(of: UInt8(ascii: "`")) ?? text.index(before: text.endIndex)
            index = end + 1
        } else {
            let ends = Array(".<( :".utf8)
            index = text[start...].firstIndex { ends.contains($0) } ?? text.endIndex
        }
        return index > start ? String(decoding: text[start..<index], as: UTF8.self) : nil
    }

    /// `(name in _F95563869034D81C4E169CAB9B06CBBF)`.
    private mutating func readPrivateName() -> String? {
        let end = closing(from: index, UInt8(ascii: "("), UInt8(ascii: ")"))
        let inside = text[(index + 1)..<max(index + 1, end - 1)]
        index = end
        let name = inside.prefix { $0 != UInt8(ascii: " ") }
        return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
    }

    /// ` #1 ` after the name of something local.
    private mutating func readLocalNumber() {
        guard text[index...].starts(with: " #".utf8) else { return }
        if components.count == 1 { isLocal = true }
        index = text[(index + 2)...].firstIndex { !(48...57).contains($0) } ?? text.endIndex
        if text[index...].starts(with: " <".utf8) {
            index += 1
            skipBrackets(UInt8(ascii: "<"), UInt8(ascii: ">"))
        }
        if text[index...].starts(with: " (".utf8) { index += 1 }
    }

    /// Arguments, of which only the labels are kept.
    private mutating func readArguments() {
        let end = closing(from: index, UInt8(ascii: "("), UInt8(ascii: ")"))
        let inside = text[(index + 1)..<max(index + 1, end - 1)]
        index = end
        components[components.count - 1] += "(" + Self.labels(inside) + ")"
    }

    /// `order:_:` of `order: MyApp.Order, Swift.Int`.
    private static func labels(_ arguments: ArraySlice<UInt8>) -> String {
        guard !arguments.isEmpty else { return "" }
        var labels = ""
        var start = arguments.startIndex
        var brackets = BracketDepth()
        var index = start
        while index <= arguments.endIndex {
            if index == arguments.endIndex || (brackets.isOutside && arguments[index] == UInt8(ascii: ",")) {
                labels += label(arguments[start..<index])
                start = index + 1
            }
            if index == arguments.endIndex { break }
            index = brackets.next(after: index, in: arguments)
        }
        return labels
    }

    private static func label(_ argument: ArraySlice<UInt8>) -> String {
        let argument = argument.drop { $0 == UInt8(ascii: " ") }
        let ends = Array(".<([ :@".utf8)
        let name = argument.prefix { !ends.contains($0) }
        guard !name.isEmpty, argument[name.endIndex...].starts(with: ": ".utf8) else { return "_:" }
        return String(decoding: name, as: UTF8.self) + ":"
    }

    private mutating func skipBrackets(_ open: UInt8, _ close: UInt8) {
        guard index < text.endIndex, text[index] == open else { return }
        index = closing(from: index, open, close)
    }

    /// The place after the bracket that closes the one at `start`; the end of the text if none does.
    private func closing(from start: Int, _ open: UInt8, _ close: UInt8) -> Int {
        var depth = 0
        var index = start
        while index < text.endIndex {
            if text[index] == open { depth += 1 }
            let isArrow = index > start && text[index - 1] == UInt8(ascii: "-")
            if text[index] == close, !isArrow { depth -= 1 }
            index += 1
            if depth == 0 { return index }
        }
        return index
    }
}
