// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A text cut to a number of UTF-8 bytes, with an ellipsis where something was cut.
func boundedText(_ text: String, _ bytesMost: Int) -> String {
    guard text.utf8.count > bytesMost, bytesMost > 3 else { return text }
    var end = text.utf8.index(text.utf8.startIndex, offsetBy: bytesMost - 3)
    while end > text.utf8.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
        end = text.utf8.index(before: end)
    }
    return text[..<end] + "…"
}
