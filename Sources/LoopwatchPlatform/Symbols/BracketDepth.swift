// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Follows the nesting of brackets in a demangled name.
struct BracketDepth {
    /// Longest name of an operator that is told from other text.
    private static let operatorBytes = 32

    private var depth = 0

    /// Whether no bracket is open.
    var isOutside: Bool { depth <= 0 }

    /// Takes one byte into account, or a whole operator's name, and returns the place of the next.
    mutating func next(after index: Int, in text: ArraySlice<UInt8>) -> Int {
        switch text[index] {
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "<"): depth += 1
        case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: ">"): depth -= 1
        case UInt8(ascii: "-"):
            // The arrow of a function's type closes nothing.
            if index + 1 < text.endIndex, text[index + 1] == UInt8(ascii: ">") { return index + 2 }
        case UInt8(ascii: "."):
            let end = Self.endOfOperator(from: index + 1, in: text)
            if end > index + 1 { return end }
        default: break
        }
        return index + 1
    }

    /// Where an operator's name ends that begins at a place; the place itself if none does.
    ///
    /// Operators follow a type's name and a full stop, and end with a space: `Checkout.<= infix(`.
    static func endOfOperator(from start: Int, in text: ArraySlice<UInt8>) -> Int {
        let signs = Array("/=-+!*%<>&|^~?.".utf8)
        let run = text[start...].prefix(operatorBytes).prefix { signs.contains($0) }
        let end = run.endIndex
        // Three dots are a variadic argument's end, and not an operator, unless `infix` and the like follow.
        let after = text[end...]
        let isOperator = [" infix", " prefix", " postfix"].contains { after.starts(with: $0.utf8) }
        return isOperator ? end : start
    }
}
