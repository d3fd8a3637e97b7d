// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// The manual page, loopwatch(1), made from ``CommandTable``; in the macros of man(7), which every `man` knows.
enum ManualPage {
    /// The page, with its last line feed.
    static func text() -> String {
        var page = Roff()
        page.macro("TH", ["LOOPWATCH", "1", "", "loopwatch \(Loopwatch.version)", "User Commands"])
        page.macro("SH", ["NAME"])
        page.line("loopwatch - \(CommandTable.summary)")
        page.macro("SH", ["SYNOPSIS"])
        page.raw("\\fBloopwatch\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...")
        page.macro("SH", ["DESCRIPTION"])
        page.line(
            "Watches the event loops and thread pools of servers, its own process's by a library and others' from outside, "
                + "and tells in one line what is blocked, for how long, why and at which line of whose code, while it is."
        )
        page.macro("SH", ["COMMANDS"])
        for command in CommandTable.all { add(command, to: &page) }
        page.macro("SH", ["ENVIRONMENT"])
        page.line("The commands demo, attach, exec and top with a PID read these; options go before them:")
        for (name, expected) in WatchConfiguration.environmentVariables { page.entry(name, expected) }
        page.entry("NO_COLOR", "where it is set, top uses no colours")
        page.macro("SH", ["EXIT STATUS"])
        for code in ExitCode.allCases { page.entry("\(code.rawValue)", code.meaning) }
        page.line("exec ends with the exit code of its program.")
        page.macro("SH", ["SIGNALS"])
        page.entry("SIGINT, SIGTERM", "end every command; what is blocked is reported once more before")
        page.entry("SIGHUP", "run opens its log again and reads its configuration again; it ends the other commands")
        page.macro("SH", ["EXAMPLES"])
        for (line, meaning) in examples { page.entry(line, meaning) }
        return page.text
    }

    private static let examples = [
        ("loopwatch attach --port 8000", "watch the server that listens at port 8000"),
        ("loopwatch top 127.0.0.1:9667", "look at what it finds"),
        ("loopwatch tail 127.0.0.1:9667 --severity error", "follow what blocks for longer than a second"),
        ("loopwatch report /var/log/loopwatch.log*", "who blocked for how long, rotated logs included"),
    ]

    private static func add(_ command: CommandDescription, to page: inout Roff) {
        page.macro("SS", ["\(command.name.rawValue) \(command.operands)"])
        for (index, paragraph) in command.paragraphs.enumerated() {
            if index > 0 { page.macro("PP", []) }
            page.line(paragraph)
        }
        for option in command.options { page.entry(option.usage, option.summary) }
        for remark in command.remarks {
            page.macro("PP", [])
            page.line(remark)
        }
    }

    /// Text in roff: what would be a macro, a break or a hyphen that is none is escaped.
    private struct Roff {
        private(set) var text = ""

        mutating func macro(_ name: String, _ arguments: [String]) {
            text += ".\(name)" + arguments.map { " \"\(Self.escaped($0))\"" }.joined() + "\n"
        }

        mutating func raw(_ line: String) { text += line + "\n" }

        mutating func line(_ line: String) {
            let escaped = Self.escaped(line)
            text += (escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" : "") + escaped + "\n"
        }

        /// A term, and below it what it means.
        mutating func entry(_ term: String, _ meaning: String) {
            text += ".TP\n\\fB\(Self.escaped(term))\\fR\n"
            line(meaning)
        }

        private static func escaped(_ text: String) -> String {
            var escaped = ""
            for character in text {
                switch character {
                case "\\": escaped += "\\e"
                // A plain hyphen may be shown as another character, which nobody can copy into a shell.
                case "-": escaped += "\\-"
                case "\"": escaped += "\\(dq"
                case "~": escaped += "\\(ti"
                case "^": escaped += "\\(ha"
                case "`": escaped += "\\(ga"
                case "'": escaped += "\\(aq"
                default: escaped.append(character)
                }
            }
            return escaped
        }
    }
}
