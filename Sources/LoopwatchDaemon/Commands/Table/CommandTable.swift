// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// All commands and their options.
enum CommandTable {
    /// The commands, in the order of help.
    static let all = [
        demo, attach, exec, run, checkConfiguration, stack, top, tail, report, completion, help,
    ]

    /// The description of a command.
    static subscript(_ name: CommandName) -> CommandDescription {
        // Every name is in the list, which a test makes sure of.
        all.first { $0.name == name }!
    }

    /// The program in a few words.
    static let summary = "says when and why an event loop or a thread pool is blocked, while it is"

    private static let demo = CommandDescription(
        name: .demo,
        operands: "[OPTION]...",
        summary: "run a small server that blocks now and then, and watch it",
        paragraphs: [
            "Runs a small server of two event loops and a thread pool that block now and then, in the ways real servers "
                + "do, and prints the warnings as they come. Ends at Ctrl-C."
        ],
        options: [
            OptionDescription(
                name: "--seconds",
                placeholder: "N",
                expected: "a number from 1 to \(CommandParser.secondsMaximum)",
                summary: "end after N seconds"
            ),
            OptionDescription(
                name: "--listen",
                placeholder: "ADDRESS",
                expected: "ADDRESS:PORT such as \(EndpointAddress.standard), or unix:/PATH",
                summary: "where metrics and warnings are served: ADDRESS:PORT or unix:/PATH "
                    + "(default \(DemoConfiguration.endpoint))"
            ),
            OptionDescription(
                name: "--threshold",
                placeholder: "TIME",
                expected: DemoConfiguration.thresholdExpected,
                summary: "from which length on a target that is blocked is reported, such as 50ms "
                    + "(default \(DemoConfiguration.thresholdText))"
            ),
            log,
        ],
        remarks: ["Options go before environment variables."],
        readsEnvironment: true
    )

    private static let attach = CommandDescription(
        name: .attach,
        operands: "PID|--name TEXT|--port N [OPTION]...",
        summary: "watch processes that run already, as they are",
        paragraphs: [
            "Watches the event loops and thread pools of processes that know nothing of it: any epoll server, such as "
                + "FastAPI under uvicorn, Node, Redis, nginx or a Swift server. They are not changed, and not slowed. "
                + "Prints the warnings as they come. Ends with the processes, or at Ctrl-C."
        ],
        options: [
            OptionDescription(
                name: "--name",
                placeholder: "TEXT",
                expected: "a part of the command line",
                summary: "those whose command line has the text; with * in it, those whose whole command line fits"
            ),
            OptionDescription(
                name: "--port",
                placeholder: "N",
                expected: "a number from 1 to 65535",
                summary: "those that listen at a TCP port"
            ),
            duration,
            OptionDescription(name: "--no-children", summary: "leave out processes that those started"),
        ] + watchOptions,
        completion: .process
    )

    private static let exec = CommandDescription(
        name: .exec,
        operands: "[OPTION]... [--] COMMAND [ARGUMENT]...",
        summary: "start a program and watch it",
        paragraphs: [
            "Starts a program and watches it as attach does; needs no rights beyond those of the program's user. Ends "
                + "with the program, and with its exit code, or 128 and the number of the signal that ended it; signals "
                + "that end this end the program."
        ],
        options: watchOptions,
        completion: .file,
        endsAtFirstOperand: true
    )

    private static let run = CommandDescription(
        name: .run,
        operands: "--config FILE [--duration TIME]",
        summary: "watch what a configuration file says",
        paragraphs: [
            "Watches the processes that a configuration file (JSON5) names, also those that start later, until SIGTERM: "
                + "then what is blocked is reported once more, as ended with the watch, and the program ends.",
            "SIGHUP opens the log again and reads the file again. What has changed of the processes holds from then on, "
                + "and those for which nothing has changed are watched without a gap. A file with errors is refused: the "
                + "errors are logged, and the old configuration stays. Where the endpoint listens, where warnings go and "
                + "the limits are taken up by a restart only, which the log says.",
        ],
        options: [
            OptionDescription(
                name: "--config",
                placeholder: "FILE",
                expected: "the path of a file",
                summary: "the configuration; loopwatch check-config FILE says what is wrong with one",
                completion: .file
            ),
            duration,
        ]
    )

    private static let checkConfiguration = CommandDescription(
        name: .checkConfiguration,
        operands: "FILE",
        summary: "say what is wrong with a configuration file",
        paragraphs: [
            "Reads a configuration file as run does, and prints everything that is wrong with it, each with its line and "
                + "key. Ends with 0 if nothing is."
        ],
        options: [],
        completion: .file
    )

    private static let stack = CommandDescription(
        name: .stack,
        operands: "PID [TID] [OPTION]...",
        summary: "print what the threads of a running process are doing",
        paragraphs: [
            "Prints the stacks of all threads of a running process, or of one: native functions, those of Python 3.11 to "
                + "3.13 and of JavaScript in Node 20, 22 and 24, which need no preparation. The innermost frame of the "
                + "application's own code is marked with *, a frame that was found by weak evidence with ?.",
            "A thread that sleeps, or that runs Python, is not stopped. Any other that computes is, for some 50 us; "
                + "never one in a system call.",
        ],
        options: [
            OptionDescription(name: "--no-stop", summary: "leave threads alone that compute"),
            OptionDescription(
                name: "--detailed",
                summary: "show whose code each frame is, and where it lies in its binary"
            ),
        ],
        completion: .process,
        remarks: ["The process must be the same user's, or loopwatch must run as root or with CAP_SYS_PTRACE."]
    )

    // MARK: Options of several commands

    static let duration = OptionDescription(
        name: "--duration",
        placeholder: "TIME",
        expected: "a duration from 1s to 365d, such as 60s",
        summary: "end after a time, such as 60s"
    )

    private static let log = OptionDescription(
        name: "--log",
        placeholder: "PATH",
        expected: "the path of a file",
        summary: "append the warnings to a file as well",
        completion: .file
    )

    private static let watchOptions = [
        OptionDescription(
            name: "--threshold",
            placeholder: "TIME",
            expected: "a duration from 5ms to 1d, such as 100ms",
            summary: "from which length on a loop that is blocked is reported (default 100ms)"
        ),
        OptionDescription(
            name: "--listen",
            placeholder: "ADDRESS",
            expected: "ADDRESS:PORT such as \(EndpointAddress.standard), unix:/PATH, or off",
            summary: "where metrics and warnings are served: ADDRESS:PORT, unix:/PATH or off "
                + "(default \(EndpointAddress.standard))"
        ),
        log,
        OptionDescription(
            name: "--process-name",
            placeholder: "NAME",
            expected: "a name of at most \(Limits.processNameBytes) bytes",
            summary: "what to call the processes in warnings and metrics (default: the program's name)"
        ),
        OptionDescription(
            name: "--evidence",
            placeholder: "RUNG",
            expected: EvidenceRung.allCases.map(\.label).joined(separator: ", "),
            summary: "by what means loops are watched (default: the cheapest that is exact): "
                + EvidenceRung.allCases.map(\.label).joined(separator: ", "),
            completion: .words(EvidenceRung.allCases.map(\.label))
        ),
        OptionDescription(
            name: "--no-stop",
            summary: "never stop a thread, not even for the 50 us that copying a stack takes"
        ),
    ]
}
