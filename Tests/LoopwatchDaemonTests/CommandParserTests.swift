// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchDaemon

/// What command lines ask for, and what is said of those that cannot be understood.
@Suite("The command line")
struct CommandParserTests {
    /// A command line and what it asks for.
    struct Accepted: Sendable, CustomTestStringConvertible {
        /// What is typed after the program's name.
        var line: String
        /// What it asks for.
        var command: Command
        /// The line, in the test's name.
        var testDescription: String { line }
    }

    @Test(
        "asks for what it says",
        arguments: [
            Accepted(line: "--help", command: .help(.program)),
            Accepted(line: "-h", command: .help(.program)),
            Accepted(line: "--version", command: .version),
            Accepted(line: "stack --help", command: .help(.command(.stack))),
            Accepted(line: "stack 12", command: .stack(StackOptions(process: 12))),
            Accepted(line: "stack 12 13", command: .stack(StackOptions(process: 12, thread: 13))),
            Accepted(
                line: "stack --no-stop 12 --detailed",
                command: .stack(StackOptions(process: 12, allowsStop: false, isDetailed: true))
            ),
            Accepted(line: "demo", command: .demo(DemoOptions())),
            Accepted(line: "demo --help", command: .help(.command(.demo))),
            Accepted(line: "demo --seconds 5 -h", command: .help(.command(.demo))),
            Accepted(line: "demo --seconds 20", command: .demo(DemoOptions(seconds: 20))),
            Accepted(line: "demo --seconds=86400", command: .demo(DemoOptions(seconds: 86_400))),
            Accepted(
                line: "demo --listen 127.0.0.1:0",
                command: .demo(DemoOptions(endpoint: .tcp(host: "127.0.0.1", port: 0)))
            ),
            Accepted(
                line: "demo --listen unix:/run/x=y",
                command: .demo(DemoOptions(endpoint: .unix(path: "/run/x=y")))
            ),
            Accepted(line: "demo --threshold 50ms", command: .demo(DemoOptions(threshold: .milliseconds(50)))),
            Accepted(line: "demo --threshold=1s", command: .demo(DemoOptions(threshold: .seconds(1)))),
            Accepted(line: "demo --log demo.log", command: .demo(DemoOptions(logPath: "demo.log"))),
            Accepted(
                line: "demo --log=/tmp/a=b --seconds 1 --threshold 5ms",
                command: .demo(DemoOptions(seconds: 1, threshold: .milliseconds(5), logPath: "/tmp/a=b"))
            ),
        ]
    )
    func accepted(_ row: Accepted) throws {
        #expect(try CommandParser.parse(words(row.line)) == row.command)
    }

    @Test(
        "that cannot be understood is told in a sentence that names what was found and what was expected",
        arguments: [
            ["", "A command is missing; expected demo, "],
            ["watch", "'watch' is not a command; expected demo, "],
            ["--verbose", "'--verbose' is not an option; expected --help, --version or a command."],
            ["--version now", "'now' is not understood; expected nothing after --version."],
            ["demo now", "'now' is not understood; expected --seconds"],
            [
                "demo --port 1",
                "'--port' is not an option of demo; expected --seconds, --listen, --threshold or --log.",
            ],
            ["demo --help=me", "--help: 'me' is not allowed; expected no value."],
            ["demo --seconds", "--seconds: its value is missing; expected a number from 1 to 86400."],
            ["demo --seconds 0", "--seconds: '0' is not allowed; expected a number from 1 to 86400."],
            ["demo --seconds -1", "--seconds: '-1' is not allowed; expected a number from 1 to 86400."],
            ["demo --seconds +1", "--seconds: '+1' is not allowed; expected a number from 1 to 86400."],
            ["demo --seconds 1.5", "--seconds: '1.5' is not allowed; expected a number from 1 to 86400."],
            ["demo --seconds 86401", "--seconds: '86401' is not allowed; expected a number from 1 to 86400."],
            ["demo --seconds=", "--seconds: '' is not allowed; expected a number from 1 to 86400."],
            ["demo --seconds 1 --seconds=1", "--seconds: given twice; expected once."],
            ["demo --listen here", "--listen: 'here' is not allowed; expected ADDRESS:PORT such as 127.0.0.1:9667"],
            [
                "demo --listen unix:x",
                "--listen: 'unix:x' is not allowed; expected ADDRESS:PORT such as 127.0.0.1:9667",
            ],
            ["demo --threshold 50", "--threshold: '50' is not allowed; expected a duration from 5ms to 1s"],
            ["demo --threshold 4ms", "--threshold: '4ms' is not allowed; expected a duration from 5ms to 1s"],
            ["demo --threshold 2s", "--threshold: '2s' is not allowed; expected a duration from 5ms to 1s"],
            ["stack", "PID is missing; expected the number of a process."],
            ["stack x", "PID: 'x' is not allowed; expected the number of a process."],
            ["stack 0", "PID: '0' is not allowed; expected the number of a process."],
            ["stack 1 99999999999", "TID: '99999999999' is not allowed; expected the number of a thread."],
            ["stack 1 2 3", "'3' is not understood; expected nothing after PID and TID."],
            ["stack 1 --stop", "'--stop' is not an option of stack; expected --no-stop or --detailed."],
            ["demo --log=", "--log: '' is not allowed; expected the path of a file."],
        ]
    )
    func refused(_ row: [String]) {
        let error = #expect(throws: CommandError.self) { try CommandParser.parse(words(row[0])) }
        #expect(error?.exitCode == .usage)
        #expect(error?.message.hasPrefix(row[1]) == true, "\(error?.message ?? "no error")")
    }

    private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }
}
