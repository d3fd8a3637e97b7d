// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Testing

/// README.md and the articles, as tests read them.
struct DocumentationText: Sendable, CustomTestStringConvertible {
    /// A piece of code of a text.
    struct Sample: Sendable {
        /// What its fence says it is.
        var language: String
        /// Its lines.
        var lines: [Substring]
    }

    /// Its path in the repository.
    let path: String
    /// What it has.
    let text: String

    var testDescription: String { path }

    /// The folder that everything lies in.
    static let repository = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

    init(_ path: String) {
        self.path = path
        text = String(decoding: WholeFile.bytes(at: Self.repository + "/" + path, atMost: 1 << 20), as: UTF8.self)
    }

    /// An article by its name.
    static func article(_ name: String) -> DocumentationText {
        DocumentationText("Sources/Loopwatch/Loopwatch.docc/\(name).md")
    }

    /// README.md and every article.
    static let all: [DocumentationText] = {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(repository + "/Sources/*/*.docc/*.md", 0, nil, &found) == 0 else { return [] }
        let paths = (0..<Int(found.gl_pathc)).compactMap { index in
            found.gl_pathv[index].map { String(String(cString: $0).dropFirst(repository.utf8.count + 1)) }
        }
        return (["README.md"] + paths).map(DocumentationText.init)
    }()

    /// Its pieces of code in a language.
    func samples(in language: String) -> [Sample] {
        var samples: [Sample] = []
        var open: Sample?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if let sample = open {
                    samples.append(sample)
                    open = nil
                } else {
                    open = Sample(language: String(line.dropFirst(3)), lines: [])
                }
            } else {
                open?.lines.append(line)
            }
        }
        return samples.filter { $0.language == language }
    }

    /// The command lines of its samples, without comments, as words.
    var commandLines: [[String]] {
        samples(in: "sh").flatMap(\.lines).compactMap { line in
            let words = line.split(separator: " ").map { $0.filter { $0 != "'" } }
            let end = words.firstIndex { $0.hasPrefix("#") } ?? words.endIndex
            return end == 0 ? nil : Array(words[..<end])
        }
    }

    /// The rows of its tables that have a cell like this first, as cells.
    func rows(whereFirst isWanted: (String) -> Bool) -> [[String]] {
        text.split(separator: "\n").filter { $0.hasPrefix("|") }.compactMap { line in
            let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.split(separator: " ").joined(separator: " ") }
            return cells.first.map(isWanted) == true ? cells : nil
        }
    }
}
