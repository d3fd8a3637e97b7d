// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    /// Appends a label value, escaped as both metric formats want it: backslash, double quote and line feed only.
    mutating func append(labelValue text: String) {
        // Nearly all are as they are.
        if !text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) { return append(text: text) }
        for byte in text.utf8 {
            switch byte {
            case 0x5C: append(text: #"\\"#)
            case 0x22: append(text: #"\""#)
            case 0x0A: append(text: #"\n"#)
            default: append(byte)
            }
        }
    }

    /// Appends text that is to stay on its line: what could make a second one, or steer a terminal, is replaced.
    mutating func append(safeText text: String) {
        for scalar in text.unicodeScalars {
            append(contentsOf: scalar.isUnsafeToShow ? "\u{FFFD}".unicodeScalars.first!.utf8 : scalar.utf8)
        }
    }

    /// Appends a HELP text of the format 0.0.4, in which double quotes stay as they are.
    mutating func append(helpText text: String) {
        if !text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A }) { return append(text: text) }
        for byte in text.utf8 {
            switch byte {
            case 0x5C: append(text: #"\\"#)
            case 0x0A: append(text: #"\n"#)
            default: append(byte)
            }
        }
    }

    /// Appends a JSON string with its quotes.
    ///
    /// Beyond what JSON demands, `<` and the two line separators are escaped, so that the text can stand in HTML and in
    /// a script.
    package mutating func append(jsonString text: String) {
        append(0x22)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append(text: #"\""#)
            case "\\": append(text: #"\\"#)
            case "\n": append(text: #"\n"#)
            case "\r": append(text: #"\r"#)
            case "\t": append(text: #"\t"#)
            case "<", "\u{0}"..."\u{1F}", "\u{2028}", "\u{2029}":
                append(text: #"\u"#)
                append(fourHexadecimalDigits: scalar.value)
            default: append(contentsOf: scalar.utf8)
            }
        }
        append(0x22)
    }

    /// Appends a logfmt value: bare where that is unambiguous, quoted and escaped otherwise.
    ///
    /// Whatever could end the line, move a terminal's cursor or turn the direction of the text is escaped: names come
    /// from other programs.
    package mutating func append(logfmtValue text: String) {
        guard text.isEmpty || text.unicodeScalars.contains(where: \.needsLogfmtQuotes) else {
            append(text: text)
            return
        }
        append(0x22)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append(text: #"\""#)
            case "\\": append(text: #"\\"#)
            case "\n": append(text: #"\n"#)
            case "\r": append(text: #"\r"#)
            case "\t": append(text: #"\t"#)
            case _ where scalar.isUnsafeToShow:
                append(text: #"\u"#)
                append(fourHexadecimalDigits: scalar.value)
            default: append(contentsOf: scalar.utf8)
            }
        }
        append(0x22)
    }

    /// Appends text for HTML, as content or within a quoted attribute; what cannot be shown becomes U+FFFD.
    mutating func append(htmlText text: String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": append(text: "&amp;")
            case "<": append(text: "&lt;")
            case ">": append(text: "&gt;")
            case "\"": append(text: "&quot;")
            case "'": append(text: "&#39;")
            case _ where scalar.isUnsafeToShow: append(text: "\u{FFFD}")
            default: append(contentsOf: scalar.utf8)
            }
        }
    }

    /// Appends text for XML, as content or within a quoted attribute: as for HTML, without the two characters of the basic
    /// plane that XML 1.0 has no place for.
    mutating func append(xmlText text: String) {
        let isWhole = !text.unicodeScalars.contains { $0 == "\u{FFFE}" || $0 == "\u{FFFF}" }
        append(
            htmlText: isWhole
                ? text
                : String(
                    String.UnicodeScalarView(
                        text.unicodeScalars.map {
                            $0 == "\u{FFFE}" || $0 == "\u{FFFF}" ? "\u{FFFD}" : $0
                        }
                    )
                )
        )
    }
}
