// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// The texts that `--help` shows.
enum HelpText: Equatable {
    /// What the program is, and its commands.
    case program
    /// The demo and its options.
    case demo
    /// Printing stacks, and its options.
    case stack

    /// The text, with its last line feed.
    var text: String {
        switch self {
        case .program: Self.programText
        case .demo: Self.demoText
        case .stack: Self.stackText
        }
    }

    private static let programText = """
        loopwatch \(Loopwatch.version): says when and why an event loop or a thread pool is blocked, while it is.

        Usage: loopwatch COMMAND [OPTION]...

        Commands:
          demo          run a small server that blocks now and then, and watch it
          stack         print what the threads of a running process are doing

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

    private static let environment = WatchConfiguration.environmentVariables
        .map { name, expected in
            "  " + name + String(repeating: " ", count: max(1, 31 - name.utf8.count)) + expected
        }
        .joined(separator: "\n")
}
