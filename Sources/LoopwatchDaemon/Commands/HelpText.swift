// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// The texts that `--help` shows.
enum HelpText: Equatable {
    /// What the program is, and its commands.
    case program
    /// The demo and its options.
    case demo
    /// Printing stacks, and its options.
    case stack
    /// Watching processes that run already.
    case attach
    /// Watching a program from its start.
    case exec
    /// Watching what a file says.
    case run
    /// Checking a file.
    case checkConfiguration

    /// The text, with its last line feed.
    var text: String {
        switch self {
        case .program: Self.programText
        case .demo: Self.demoText
        case .stack: Self.stackText
        case .attach: Self.attachText
        case .exec: Self.execText
        case .run: Self.runText
        case .checkConfiguration: Self.checkConfigurationText
        }
    }

    private static let programText = """
        loopwatch \(Loopwatch.version): says when and why an event loop or a thread pool is blocked, while it is.

        Usage: loopwatch COMMAND [OPTION]...

        Commands:
          demo          run a small server that blocks now and then, and watch it
          stack         print what the threads of a running process are doing
          attach        watch processes that run already, as they are
          exec          start a program and watch it
          run           watch what a configuration file says
          check-config  say what is wrong with a configuration file

        Options:
          -h, --help    show this text; after a command, the command's
          --version     show the version

        """

    private static let demoText = """
        Usage: loopwatch demo [OPTION]...

        Runs a small server of two event loops and a thread pool that block now and then, in the ways real servers do,
        and prints the warnings as they come. Ends at Ctrl-C.

        Options:
          --seconds N         end after N seconds
          --listen ADDRESS    where metrics and warnings are served: ADDRESS:PORT or unix:/PATH
                              (default \(DemoConfiguration.endpoint))
          --threshold TIME    from which length on a target that is blocked is reported, such as 50ms
                              (default \(DemoConfiguration.thresholdText))
          --log PATH          append the warnings to a file as well
          -h, --help          show this text

        Options go before environment variables, which are:
        \(environment)

        """

    private static let stackText = """
        Usage: loopwatch stack PID [TID] [OPTION]...

        Prints the stacks of all threads of a running process, or of one: native functions, those of Python 3.11 to 3.13
        and of JavaScript in Node 20, 22 and 24, which need no preparation. The innermost frame of the application's own
        code is marked with *, a frame that was found by weak evidence with ?.

        A thread that sleeps, or that runs Python, is not stopped. Any other that computes is, for some 50 us; never one
        in a system call.

        Options:
          --no-stop     leave threads alone that compute
          --detailed    show whose code each frame is, and where it lies in its binary
          -h, --help    show this text

        The process must be the same user's, or loopwatch must run as root or with CAP_SYS_PTRACE.

        """

    private static let watchOptions = """
          --threshold TIME    from which length on a loop that is blocked is reported (default 100ms)
          --listen ADDRESS    where metrics and warnings are served: ADDRESS:PORT, unix:/PATH or off
                              (default \(EndpointAddress.standard))
          --log PATH          append the warnings to a file as well
          --process-name NAME what to call the processes in warnings and metrics (default: the program's name)
          --evidence RUNG     by what means loops are watched (default: the cheapest that is exact):
                              \(EvidenceRung.allCases.map(\.label).joined(separator: ", "))
          --no-stop           never stop a thread, not even for the 50 us that copying a stack takes
          -h, --help          show this text
        """

    private static let attachText = """
        Usage: loopwatch attach PID|--name TEXT|--port N [OPTION]...

        Watches the event loops and thread pools of processes that know nothing of it: any epoll server, such as
        FastAPI under uvicorn, Node, Redis, nginx or a Swift server. They are not changed, and not slowed. Prints the
        warnings as they come. Ends with the processes, or at Ctrl-C.

        Options:
          --name TEXT         those whose command line has the text; with * in it, those whose whole command line fits
          --port N            those that listen at a TCP port
          --duration TIME     end after a time, such as 60s
          --no-children       leave out processes that those started
        \(watchOptions)

        """

    private static let execText = """
        Usage: loopwatch exec [OPTION]... [--] COMMAND [ARGUMENT]...

        Starts a program and watches it as attach does; needs no rights beyond those of the program's user. Ends with the
        program, and with its exit code; signals that end this end the program.

        Options:
        \(watchOptions)

        """

    private static let runText = """
        Usage: loopwatch run --config FILE [--duration TIME]

        Watches the processes that a configuration file (JSON5) names, also those that start later, until SIGTERM.

        Options:
          --config FILE       the configuration; loopwatch check-config FILE says what is wrong with one
          --duration TIME     end after a time, such as 60s
          -h, --help          show this text

        """

    private static let checkConfigurationText = """
        Usage: loopwatch check-config FILE

        Reads a configuration file as run does, and prints everything that is wrong with it, each with its line and key.
        Ends with 0 if nothing is.

        """

    private static let environment = WatchConfiguration.environmentVariables
        .map { name, expected in
            "  " + name + String(repeating: " ", count: max(1, 31 - name.utf8.count)) + expected
        }
        .joined(separator: "\n")
}
