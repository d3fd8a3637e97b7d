// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension Unicode.Scalar {
    /// Whether showing the character could break a line, control a terminal or reorder the text around it.
    ///
    /// All of these lie in the basic plane, so four hexadecimal digits are enough to escape them.
    var isUnsafeToShow: Bool {
        switch self {
        case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": true
        case "\u{200E}", "\u{200F}", "\u{2028}"..."\u{202E}", "\u{2066}"..."\u{2069}", "\u{FEFF}": true
        default: false
        }
    }

    /// Whether a logfmt value with this character must be quoted.
    var needsLogfmtQuotes: Bool {
        self == " " || self == "\"" || self == "=" || self == "\\" || isUnsafeToShow
    }
}
