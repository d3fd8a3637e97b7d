// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

/// The table of commands, and what is made from it.
@Suite("The table of commands")
struct CommandTableTests {
    /// Values that each option with one takes.
    private static let samples = [
        "--seconds": "5", "--listen": "127.0.0.1:0", "--threshold": "50ms", "--log": "a.log", "--name": "uvicorn",
        "--port": "8000", "--duration": "60s", "--process-name": "api", "--evidence": "polling", "--config": "a.json5",
        "--interval": "2s", "--limit": "5", "--since": "1h", "--until": "2026-11-22", "--severity": "error",
    ]
    /// Words without which a command is refused.
    private static let operands: [CommandName: [String]] = [
        .attach: ["42"], .exec: ["ls"], .checkConfiguration: ["a"], .stack: ["42"], .top: ["42"],
        .tail: ["127.0.0.1:9667"], .report: ["a.log"], .completion: ["bash"],
    ]

    @Test("has every command once, and every option of it is understood", arguments: CommandName.allCases)
    func options(name: CommandName) throws {
        #expect(CommandTable.all.count { $0.name == name } == 1)
        let command = CommandTable[name]
        for option in command.options {
            var words = [name.rawValue, option.name]
            if option.placeholder != nil { words.append(try #require(Self.samples[option.name], "\(option.name)")) }
            let isSelector = option.name == "--name" || option.name == "--port" || option.name == "--man"
            if name == .run, option.name != "--config" { words += ["--config", "a"] }
            let line = words + (isSelector ? [] : Self.operands[name] ?? [])
            #expect(throws: Never.self, "\(line)") { try CommandParser.parse(line) }
        }
        for option in ["--help", "-h"] {
            #expect(try CommandParser.parse([name.rawValue, option]) == .help(.command(name)))
        }
        #expect(try CommandParser.parse([name.rawValue, "--version"]) == .version)
        #expect(throws: CommandError.self) { try CommandParser.parse([name.rawValue, "--nonsense"]) }
    }

    @Test("makes help of lines of at most 80 columns that names every option", arguments: CommandName.allCases)
    func help(name: CommandName) {
        let text = HelpText.command(name).text
        #expect(text.hasPrefix("Usage: loopwatch \(name.rawValue) "))
        for option in CommandTable[name].allOptions { #expect(text.contains("  \(option.usage)"), "\(option.name)") }
        for text in [text, HelpText.program.text] {
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
        }
        #expect(HelpText.program.text.contains("  \(name.rawValue)  "))
    }

    @Test("makes a manual page of macros that every man knows, which names every option and exit code")
    func manual() {
        let page = ManualPage.text()
        for line in page.split(separator: "\n") where line.hasPrefix(".") || line.hasPrefix("'") {
            #expect(["TH", "SH", "SS", "PP", "TP"].contains(line.dropFirst().prefix(2)), "\(line)")
        }
        for command in CommandTable.all {
            #expect(page.contains(".SS \"\(command.name.rawValue.replacing("-", with: "\\-")) "))
            for option in command.options {
                #expect(page.contains("\\fB\(option.usage.replacing("-", with: "\\-"))\\fR"), "\(option.name)")
            }
        }
        for code in ExitCode.allCases {
            #expect(page.contains("\\fB\(code.rawValue)\\fR\n\(code.meaning.replacing("-", with: "\\-"))\n"))
        }
    }

    @Test("makes completion scripts that name every command and option", arguments: Shell.allCases)
    func completion(shell: Shell) {
        let script = CompletionScript.text(for: shell)
        for command in CommandTable.all {
            #expect(script.contains(command.name.rawValue))
            for option in command.options {
                #expect(script.contains(shell == .fish ? "-l \(option.name.dropFirst(2)) " : option.name))
            }
        }
    }

    @Test(
        "makes a script by which bash completes",
        arguments: [
            ("", "demo attach exec run check-config stack top tail report completion help --help -h --version"),
            ("check", "check-config"), ("tail --se", "--severity"), ("tail x --severity ", "warning error critical"),
            ("attach --evidence p", "ptrace polling"), ("completion ", "bash zsh fish"),
        ]
    )
    func bash(words: String, expected: String) async throws {
        try await onOwnThread {
            let program = try ChildProcess.folder() + "/loopwatch"
            let script = """
                source <("\(program)" completion bash) || exit 1
                COMP_WORDS=(loopwatch \(words.hasSuffix(" ") || words.isEmpty ? words + "''" : words))
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
                _loopwatch
                echo "${COMPREPLY[*]}"
                """
            var bash = try ChildProcess(["-c", script], program: "/bin/bash")
            let status = try bash.end()
            #expect(status == 0)
            #expect(bash.lines == [expected], "\(bash.errors())")
        }
    }
}

/// What the program ends with, as its help says.
@Suite("Exit codes", .timeLimit(.minutes(10)))
struct ExitCodeTests {
    /// A command line, and the exit code.
    struct Row: Sendable, CustomTestStringConvertible {
        var words: [String]
        var code: ExitCode
        /// What standard error begins with.
        var error = ""
        var testDescription: String { words.joined(separator: " ") }

        init(_ line: String, _ code: ExitCode, _ error: String = "") {
            words = line.split(separator: " ").map(String.init)
            self.code = code
            self.error = error
        }
    }

    @Test(
        "are those that the help names",
        arguments: [
            Row("--help", .success), Row("--version", .success), Row("report --help", .success),
            Row("tail --version", .success), Row("help --man", .success), Row("help top", .success),
            Row("completion zsh", .success), Row("tail", .usage, "loopwatch: URL is missing"),
            Row("top https://x", .usage, "loopwatch: URL: 'https://x' is not allowed; expected http://HOST:PORT"),
            Row("report --json --folded x", .usage, "loopwatch: expected one of --json, --folded and --flamegraph;"),
            Row("report /proc/self/status", .data, "loopwatch: none of "),
            Row("report /nowhere/x.log", .input, "loopwatch: /nowhere/x.log is not read: open: No such file"),
            Row("tail unix:/nowhere/x", .unavailable, "loopwatch: unix:/nowhere/x: connect: No such file"),
            Row("top unix:/nowhere/x --once", .unavailable, "loopwatch: unix:/nowhere/x: connect: No such file"),
            Row("top 2147483647 --once", .unavailable, "loopwatch: there is no process 2147483647."),
            Row("check-config /proc/self/status", .configuration, "/proc/self/status:1:1: "),
        ]
    )
    func codes(row: Row) async throws {
        try await onOwnThread {
            var process = try ChildProcess(row.words)
            let status = try process.end()
            let errors = process.errors()
            #expect(status == row.code.rawValue, "\(errors)")
            #expect(errors.hasPrefix(row.error), "\(errors)")
            #expect(errors.isEmpty == row.error.isEmpty, "\(errors)")
        }
    }

    @Test("of output that cannot be written is told")
    func fullDisk() async throws {
        try await onOwnThread {
            let program = try ChildProcess.folder() + "/loopwatch"
            var bash = try ChildProcess(["-c", "'\(program)' --help >/dev/full"], program: "/bin/bash")
            #expect(try bash.end() == ExitCode.output.rawValue)
        }
    }
}
