// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A line of a terminal: pieces of text, each in one style, clipped to a width.
struct ScreenLine: Equatable {
    /// How a piece looks.
    enum Style: Equatable {
        case plain, bold, dim, alarm, good, heading

        /// Select Graphic Rendition (ECMA-48, 8.3.117); empty for plain text.
        var code: String {
            switch self {
            case .plain: ""
            case .bold: "1"
            case .dim: "2"
            case .alarm: "1;31"
            case .good: "32"
            case .heading: "7"
            }
        }
    }

    private struct Piece: Equatable {
        var text: String
        var style: Style
    }

    private var pieces: [Piece] = []
    /// Columns that the line takes.
    private(set) var width = 0

    /// Creates a line.
    init(_ text: String = "", _ style: Style = .plain) { append(text, style) }

    /// Adds text at the end.
    mutating func append(_ text: String, _ style: Style = .plain) {
        guard !text.isEmpty else { return }
        pieces.append(Piece(text: text, style: style))
        width += TerminalWidth.columns(of: text)
    }

    /// Adds a cell of a number of columns: text that is too wide is cut, and one that is narrower filled up.
    mutating func append(cell text: String, columns: Int, isRight: Bool = false, _ style: Style = .plain) {
        let clipped = TerminalWidth.clipped(text, to: columns)
        let space = String(repeating: " ", count: max(0, columns - TerminalWidth.columns(of: clipped)))
        append(isRight ? space + clipped : clipped + space, style)
    }

    /// The text, cut to a width.
    func text(width limit: Int, isColoured: Bool) -> String {
        var text = ""
        var left = limit
        for piece in pieces where left > 0 {
            let clipped =
                left >= TerminalWidth.columns(of: piece.text) ? piece.text : TerminalWidth.clipped(piece.text, to: left)
            left -= TerminalWidth.columns(of: clipped)
            let code = isColoured ? piece.style.code : ""
            text += code.isEmpty ? clipped : "\u{1B}[\(code)m\(clipped)\u{1B}[0m"
        }
        guard !isColoured else { return text }
        while text.hasSuffix(" ") { text.removeLast() }
        return text
    }
}

/// How many columns of a terminal text takes.
enum TerminalWidth {
    /// The columns of a text without control characters.
    static func columns(of text: String) -> Int {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
        return text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
    }

    /// The text, or its beginning and an ellipsis where it is wider.
    static func clipped(_ text: String, to limit: Int) -> String {
        guard columns(of: text) > limit else { return text }
        guard limit > 0 else { return "" }
        var clipped = String.UnicodeScalarView()
        var left = limit - 1
        for scalar in text.unicodeScalars {
            let columns = columns(of: scalar)
            guard columns <= left else { break }
            clipped.append(scalar)
            left -= columns
        }
        return String(clipped) + "\u{2026}"
    }

    /// Two for what East Asian terminals show wide (Unicode Standard Annex 11), none for what combines.
    private static func columns(of scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            return 2
        default: break
        }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return 1
        }
    }
}
