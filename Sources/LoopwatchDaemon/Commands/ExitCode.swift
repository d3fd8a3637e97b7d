// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the program says to its caller when it ends; the numbers of sysexits.h, which service managers know.
enum ExitCode: Int32 {
    /// It did what it was asked to.
    case success = 0
    /// The command line is not understood (`EX_USAGE`).
    case usage = 64
    /// Something that is needed cannot be had (`EX_UNAVAILABLE`).
    case unavailable = 69
    /// What was to be written to standard output is lost (`EX_IOERR`).
    case output = 74
    /// A configured value is not allowed (`EX_CONFIG`).
    case configuration = 78
}
