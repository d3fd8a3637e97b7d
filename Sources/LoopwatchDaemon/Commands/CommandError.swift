// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchPlatform

/// Why a command does not run: one line for standard error, and the exit code.
struct CommandError: Error, Equatable {
    /// A sentence that says what was found and what was expected.
    let message: String
    /// What the program ends with.
    let exitCode: ExitCode

    /// A command line that is not understood.
    static func usage(_ message: String) -> CommandError {
        CommandError(message: message, exitCode: .usage)
    }

    /// An option whose value is not allowed.
    static func usage(option: String, value: String, expected: String) -> CommandError {
        usage(ConfigurationError(key: option, value: value, expected: expected).description)
    }

    /// A configured value that is not allowed.
    static func configuration(_ error: ConfigurationError) -> CommandError {
        CommandError(message: error.description, exitCode: .configuration)
    }

    /// Something that cannot be had.
    static func unavailable(_ message: String) -> CommandError {
        CommandError(message: message, exitCode: .unavailable)
    }

    /// Standard output cannot be written to.
    static func output(_ error: SystemError) -> CommandError {
        CommandError(message: "\(error).", exitCode: .output)
    }
}
