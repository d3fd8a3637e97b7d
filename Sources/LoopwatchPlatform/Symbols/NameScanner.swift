// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Reads a demangled name from left to right.
struct NameScanner {
    /// What may stand before a name.
    enum Prefix {
        /// Nothing that matters: `static`, specialisations, parts of asynchronous functions.
        case dropped
        /// The code only calls what follows.
        case thunk
        /// Words that stay.
        case kept(String)
    }

    /// One of the nested places that a name tells of: a closure, the function around it.
    struct Context {
        /// Short name without its module.
        var text: String
        /// Its last part: `f()` of `T.f()`.
        var lastComponent: String
        /// The module that it names.
        var module: String?
        /// The type, if it is a conformance.
        var conformingType: String?
        /// Words that stand before the module.
        var prefix = ""
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Sequence<UInt8>) { rest = Array(bytes)[...] }

    private static let droppedPrefixes = [
        "static ", "class ", "merged ", "specialized ", "dynamic ", "@objc ", "@nonobjc ", "async function pointer to ",
        "super ", "override ",
    ]
    private static let thunkPrefixes = [
        "partial apply forwarder for ", "partial apply ObjC forwarder for ", "protocol witness for ",
        "protocol self-conformance witness for ", "dispatch thunk of ", "vtable thunk for ", "curry thunk of ",
        "distributed thunk ", "back deployment thunk for ",
    ]
    private static let keptPrefixes = [
        "variable initialization expression of ", "one-time initialization function for ",
        "property wrapper backing initializer of ", "key path getter for ", "key path setter for ",
    ]
    private static let generatedPrefixes = [
        "reabstraction thunk ", "outlined ", "type metadata ", "metadata ", "lazy protocol witness ",
        "lazy cache variable ", "protocol witness table ", "protocol conformance ", "value witness ",
        "associated type ", "instantiation function ", "generic protocol witness ", "block copy helper ",
        "block destroy helper ", "opaque type ", "base witness table ", "default associated ", "enum case for ",
    ]

    /// Takes what stands before the name; `nil` when nothing more does.
    mutating func takePrefix() -> Prefix? {
        for prefix in Self.droppedPrefixes where take(prefix) { return .dropped }
        for prefix in Self.thunkPrefixes where take(prefix) { return .thunk }
        for prefix in Self.keptPrefixes where take(prefix) { return .kept(prefix) }
        if takeSpecialization() || takeResumption() { return .dropped }
        if let argument = takeDefaultArgument() { return .kept(argument) }
        return nil
    }

    /// What is told of code that the compiler made up; `nil` if someone wrote it.
    func generatedText() -> String? {
        // `initializeWithCopy value witness for M.T`: one word for what it does to a value, and then always these.
        let isValueWitness = rest.drop { $0 != UInt8(ascii: " ") }.starts(with: " value witness for ".utf8)
        let isGenerated = Self.generatedPrefixes.contains { rest.starts(with: $0.utf8) }
        guard isValueWitness || isGenerated else { return nil }
        if rest.starts(with: "reabstraction thunk ".utf8) { return SymbolName.reabstractionThunk }
        return String(decoding: rest, as: UTF8.self)
    }

    /// Cuts what stands after the name; a thunk of a class's table is named after what it calls.
    mutating func cutSuffixes() {
        let parts = parts(separator: " dispatching to ")
        rest = parts.last ?? rest
        rest = self.parts(separator: " with unmangled suffix ").first ?? rest
    }

    /// The nested places, the innermost first.
    func contexts() -> [Context] { parts(separator: " in ").map { NameScanner($0).context() } }

    private func context() -> Context {
        var scanner = self
        var kept = ""
        while let prefix = scanner.takePrefix() {
            if case .kept(let text) = prefix { kept += text }
        }
        var context = NamePath(scanner.rest).context
        context.prefix = kept
        return context
    }

    private mutating func take(_ prefix: String) -> Bool {
        guard rest.starts(with: prefix.utf8) else { return false }
        rest = rest.dropFirst(prefix.utf8.count)
        return true
    }

    /// `generic specialization <Swift.Int> of ` and its kin: a few words, a list in angle brackets, `of`.
    private mutating func takeSpecialization() -> Bool {
        guard let open = rest.prefix(64).firstIndex(of: UInt8(ascii: "<")) else { return false }
        let words = rest[..<open]
        guard words.ends(with: "specialization ") || words.ends(with: "inlined generic function ") else { return false }
        var depth = 0
        var previous: UInt8 = 0
        // Only angle brackets count: the list may name closures with brackets that are never closed.
        for index in rest[open...].indices {
            if rest[index] == UInt8(ascii: "<") { depth += 1 }
            if rest[index] == UInt8(ascii: ">"), previous != UInt8(ascii: "-") { depth -= 1 }
            previous = rest[index]
            guard depth == 0 else { continue }
            let after = rest[(index + 1)...]
            guard after.starts(with: " of ".utf8) else { return false }
            rest = after.dropFirst(4)
            return true
        }
        return false
    }

    /// `(1) await resume partial function for `.
    private mutating func takeResumption() -> Bool {
        guard rest.first == UInt8(ascii: "("), let close = rest.prefix(8).firstIndex(of: UInt8(ascii: ")")) else {
            return false
        }
        var after = NameScanner(rest[(close + 1)...])
        guard after.take(" await resume partial function for ") || after.take(" suspend resume partial function for ")
        else { return false }
        self = after
        return true
    }

    /// `default argument 0 of `.
    private mutating func takeDefaultArgument() -> String? {
        let words = "default argument "
        guard rest.starts(with: words.utf8) else { return nil }
        let digits = rest.dropFirst(words.utf8.count).prefix { (48...57).contains($0) }
        var after = self
        guard !digits.isEmpty, after.take(words + String(decoding: digits, as: UTF8.self) + " of ") else { return nil }
        self = after
        return words + String(decoding: digits, as: UTF8.self) + " of "
    }

    /// The text cut at a separator wherever it stands outside all brackets.
    private func parts(separator: String) -> [ArraySlice<UInt8>] {
        let separator = Array(separator.utf8)
        var parts: [ArraySlice<UInt8>] = []
        var start = rest.startIndex
        var brackets = BracketDepth()
        var index = rest.startIndex
        while index < rest.endIndex {
            if brackets.isOutside, rest[index] == separator[0], rest[index...].starts(with: separator),
                parts.count < SymbolLimits.inlinedFrames
            {
                parts.append(rest[start..<index])
                index += separator.count
                start = index
                continue
            }
            index = brackets.next(after: index, in: rest)
        }
        parts.append(rest[start...])
        return parts
    }
}

extension ArraySlice<UInt8> {
    fileprivate func ends(with text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
