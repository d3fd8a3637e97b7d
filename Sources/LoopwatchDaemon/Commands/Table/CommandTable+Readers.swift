// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// The commands that read what was found, live or later.
extension CommandTable {
    /// What an address of an endpoint looks like.
    static let urlExpected = "http://HOST:PORT, HOST:PORT or unix:/PATH"

    static let top = CommandDescription(
        name: .top,
        operands: "URL|PID [OPTION]...",
        summary: "show in the terminal what is blocked now",
        paragraphs: [
            "Shows the loops and pools of an endpoint in a live table: whether they are blocked now, for how long and at "
                + "which line; their lag; their stalls; and of pools what waits and which threads are busy. q quits. When "
                + "the server goes away the last picture stays, and top connects again.",
            "URL is \(urlExpected). With PID, the process is watched from outside by this very program, as attach does.",
        ],
        options: [
            OptionDescription(
                name: "--interval",
                placeholder: "TIME",
                expected: "a duration from 100ms to 1h, such as 2s",
                summary: "time between two pictures (default 1s)"
            ),
            OptionDescription(name: "--once", summary: "print one picture and end"),
            OptionDescription(
                name: "--json",
                summary: "print the status as JSON, a line each time, instead of a table"
            ),
            OptionDescription(
                name: "--threshold",
                placeholder: "TIME",
                expected: "a duration from 5ms to 1d, such as 100ms",
                summary: "with PID: from which length on a loop that is blocked is reported (default 100ms)"
            ),
        ],
        completion: .process,
        remarks: ["There are no colours where NO_COLOR is set, or where the output is no terminal."]
    )

    static let tail = CommandDescription(
        name: .tail,
        operands: "URL [OPTION]...",
        summary: "follow the warnings of an endpoint",
        paragraphs: [
            "Prints the latest warnings of an endpoint and then every new one, as the log has them. When the connection "
                + "is lost it connects again, and goes on after the last warning it has printed: none is lost or printed "
                + "twice. What the server had forgotten by then, and that a server was restarted, is said on standard "
                + "error.",
            "URL is \(urlExpected).",
        ],
        options: [
            OptionDescription(name: "--json", summary: "print warnings as JSON, one a line, with all frames"),
            OptionDescription(
                name: "--limit",
                placeholder: "N",
                expected: "a number from 0 to \(Limits.warningsKept)",
                summary: "warnings to begin with (default 10)"
            ),
            OptionDescription(
                name: "--since",
                placeholder: "WHEN",
                expected: "the id of a warning, or a duration such as 10m",
                summary: "begin after the warning of an id, or with those of the last 10m"
            ),
            OptionDescription(
                name: "--severity",
                placeholder: "LEVEL",
                expected: severities.joined(separator: ", "),
                summary: "only those that are at least as bad: " + severities.joined(separator: ", "),
                completion: .words(severities)
            ),
            duration,
        ]
    )

    static let report = CommandDescription(
        name: .report,
        operands: "FILE... [OPTION]...",
        summary: "sum up logs of warnings: who blocked, and for how long",
        paragraphs: [
            "Reads logs of warnings, as the log has them or as JSON lines, in any order, also rotated ones, those "
                + "compressed by gzip, and those cut off in the middle of a line; - is standard input. Prints what "
                + "blocked, the most blocked time first. The binary is not needed. Lines of one stall count once, also "
                + "where two files have them. Lines that are not understood are counted and left out."
        ],
        options: [
            OptionDescription(
                name: "--limit",
                placeholder: "N",
                expected: "a number from 1 to 1000000",
                summary: "show the first N only (default 20)"
            ),
            OptionDescription(name: "--json", summary: "print the summary as JSON"),
            OptionDescription(
                name: "--folded",
                summary: "print folded stacks with blocked microseconds, for flame graph tools"
            ),
            OptionDescription(name: "--flamegraph", summary: "print a flame graph as SVG"),
            OptionDescription(
                name: "--since",
                placeholder: "WHEN",
                expected: TimeText.expected,
                summary: "leave out what was over before: a time such as 2026-11-22T19:00:00Z, or 1h for an hour ago"
            ),
            OptionDescription(
                name: "--until",
                placeholder: "WHEN",
                expected: TimeText.expected,
                summary: "leave out what began later"
            ),
        ],
        completion: .file
    )

    static let completion = CommandDescription(
        name: .completion,
        operands: Shell.allCases.map(\.rawValue).joined(separator: "|"),
        summary: "print a completion script for a shell",
        paragraphs: [
            "Prints a script that completes commands and options. bash: put it into "
                + "/etc/bash_completion.d/loopwatch, or run source <(loopwatch completion bash). zsh: into a file "
                + "_loopwatch in a folder of $fpath. fish: into ~/.config/fish/completions/loopwatch.fish."
        ],
        options: [],
        completion: .words(Shell.allCases.map(\.rawValue))
    )

    static let help = CommandDescription(
        name: .help,
        operands: "[COMMAND] [--man]",
        summary: "show what a command does, or the manual page",
        paragraphs: ["Shows the text that --help shows; with --man, all of it as a manual page for man -l."],
        options: [OptionDescription(name: "--man", summary: "print the manual page, loopwatch(1), in roff")],
        completion: .words(CommandName.allCases.map(\.rawValue))
    )

    private static let severities = Severity.allCases.map(\.label)
}
