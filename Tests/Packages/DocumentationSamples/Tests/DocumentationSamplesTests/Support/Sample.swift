// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// A piece of code of the documentation.
struct Sample {
    /// The file, by its path in the repository.
    let file: String
    /// The number of its first line.
    let line: Int
    /// What the fence says it is, such as `swift`; empty where it says nothing.
    let language: String
    /// Its lines.
    let lines: [String]

    /// The line without what only is layout: how far it is indented, and how comments at its end are aligned.
    static func significant(_ line: some StringProtocol) -> String {
        line.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// What is compared: its lines without blank ones at the end, and without what stands before its last import.
    var code: [String] {
        var code = lines.map(Self.significant)
        if let last = code.lastIndex(where: Self.isImport) { code.removeFirst(last + 1) }
        while code.first?.isEmpty == true { code.removeFirst() }
        while code.last?.isEmpty == true { code.removeLast() }
        return code
    }

    /// What it imports.
    var imports: Set<String> {
        Set(lines.map(Self.significant).filter(Self.isImport))
    }

    private static func isImport(_ line: String) -> Bool { line.hasPrefix("import ") }

    /// All pieces of code in a Markdown text, or in the comments of a Swift file.
    static func all(in text: String, file: String) -> [Sample] {
        let isSwift = file.hasSuffix(".swift")
        var samples: [Sample] = []
        var open: (line: Int, language: String, lines: [String])?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var content = line
            if isSwift {
                let comment = line.drop(while: \.isWhitespace)
                guard comment.hasPrefix("///") else {
                    open = nil
                    continue
                }
                content = comment.dropFirst(3)
                if content.first == " " { content.removeFirst() }
            }
            let trimmed = content.drop(while: \.isWhitespace)
            if trimmed.hasPrefix("```") {
                if let sample = open {
                    samples.append(
                        Sample(file: file, line: sample.line, language: sample.language, lines: sample.lines)
                    )
                    open = nil
                } else {
                    open = (index + 1, String(trimmed.dropFirst(3)), [])
                }
            } else {
                open?.lines.append(String(content))
            }
        }
        return samples
    }
}

/// A part of a file that is compiled, and that the documentation shows.
struct Region {
    /// What it is called, for messages.
    let name: String
    /// Its file, for messages.
    let file: String
    /// Its code as ``Sample/code`` is.
    let code: [String]
    /// What its file imports.
    let imports: Set<String>

    /// All regions of a Swift file: what stands between `// sample: NAME` and `// end`.
    static func all(in text: String, file: String) -> [Region] {
        var regions: [Region] = []
        var open: (name: String, line: Int, lines: [String])?
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let imports = Sample(file: file, line: 1, language: "swift", lines: lines).imports
        for (index, line) in lines.enumerated() {
            let content = Sample.significant(line)
            if content.hasPrefix("// sample: ") {
                open = (String(content.dropFirst(11)), index + 2, [])
            } else if content == "// end", let region = open {
                let sample = Sample(file: file, line: region.line, language: "swift", lines: region.lines)
                regions.append(Region(name: region.name, file: file, code: sample.code, imports: imports))
                open = nil
            } else {
                open?.lines.append(line)
            }
        }
        return regions
    }
}
