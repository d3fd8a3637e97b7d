// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the program says to its caller when it ends; the numbers of sysexits.h, which service managers know.
enum ExitCode: Int32, CaseIterable {
    /// It did what it was asked to.
    case success = 0
    /// The command line is not understood (`EX_USAGE`).
    case usage = 64
    /// A file has nothing that can be used (`EX_DATAERR`).
    case data = 65
    /// A file that was named cannot be read (`EX_NOINPUT`).
    case input = 66
    /// Something that is needed cannot be had (`EX_UNAVAILABLE`).
    case unavailable = 69
    /// What was to be written to standard output is lost (`EX_IOERR`).
    case output = 74
    /// A configured value is not allowed (`EX_CONFIG`).
    case configuration = 78

    /// What it says, for help and the manual page.
    var meaning: String {
        switch self {
        case .success: "it did what it was asked to; also after Ctrl-C and SIGTERM"
        case .usage: "the command line is not understood"
        case .data: "no line of a log is a warning"
        case .input: "a log cannot be read"
        case .unavailable: "what is needed cannot be had: a process, an address, an endpoint"
        case .output: "standard output cannot be written to"
        case .configuration: "a configuration, or an environment variable, is not allowed"
        }
    }
}
