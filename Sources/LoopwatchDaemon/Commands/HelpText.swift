// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// The texts that `--help` shows, made from ``CommandTable``.
enum HelpText: Equatable {
    /// What the program is, and its commands.
    case program
    /// A command and its options.
    case command(CommandName)

    /// The text, with its last line feed.
    var text: String {
        switch self {
        case .program: Self.programText
        case .command(let name): Self.text(of: CommandTable[name])
        }
    }

    /// Widest line, in characters.
    static let width = 80
    /// Where what an option does begins, in characters.
    private static let column = 24

    private static var programText: String {
        var lines = TextWrapping.lines("loopwatch \(Loopwatch.version): \(CommandTable.summary).", width: width)
        lines += ["", "Usage: loopwatch COMMAND [OPTION]...", "", "Commands:"]
        lines += CommandTable.all.flatMap { entry($0.name.rawValue, $0.summary, column: 16) }
        lines += ["", "Options:"] + OptionDescription.common.flatMap { entry($0.usage, $0.summary, column: 16) }
        lines += ["", "After a command, --help shows the command's options."]
        lines += ["", "Exit codes:"] + ExitCode.allCases.flatMap { entry("\($0.rawValue)", $0.meaning, column: 6) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func text(of command: CommandDescription) -> String {
        var lines = TextWrapping.lines(
            "Usage: loopwatch \(command.name.rawValue) \(command.operands)",
            width: width,
            indent: 7
        )
        for paragraph in command.paragraphs { lines += [""] + TextWrapping.lines(paragraph, width: width) }
        lines += ["", "Options:"] + command.allOptions.flatMap { entry($0.usage, $0.summary, column: column) }
        for remark in command.remarks { lines += [""] + TextWrapping.lines(remark, width: width) }
        if command.readsEnvironment {
            lines += ["", "Environment variables:"]
            for (name, expected) in WatchConfiguration.environmentVariables {
                lines += entry(name, expected, column: 33)
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A term, and beside it what it means.
    private static func entry(_ term: String, _ meaning: String, column: Int) -> [String] {
        let wrapped = TextWrapping.lines(meaning, width: width - column)
        let indent = String(repeating: " ", count: column)
        var lines = wrapped.map { indent + $0 }
        let start = "  " + term
        if start.count + 2 > column { return [start] + lines }
        lines[0] = start + String(repeating: " ", count: column - start.count) + wrapped[0]
        return lines
    }
}

/// Breaks text into lines.
enum TextWrapping {
    /// The lines of a text, none wider than a width unless one word is; all but the first are indented.
    static func lines(_ text: String, width: Int, indent: Int = 0) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if line.count + 1 + word.count <= width {
                line += " " + word
            } else {
                lines.append(line)
                line = String(repeating: " ", count: indent) + word
            }
        }
        lines.append(line)
        return lines
    }
}
