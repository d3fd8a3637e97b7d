// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The commands, in the order in which help lists them.
enum CommandName: String, CaseIterable, Sendable {
    /// Runs a small server that blocks now and then.
    case demo
    /// Watches processes that run already.
    case attach
    /// Starts a program and watches it.
    case exec
    /// Watches what a configuration says.
    case run
    /// Checks a configuration.
    case checkConfiguration = "check-config"
    /// Prints the stacks of a process.
    case stack
    /// Shows what is blocked now.
    case top
    /// Follows the warnings of an endpoint.
    case tail
    /// Sums up warnings that were written down.
    case report
    /// Prints a completion script for a shell.
    case completion
    /// Prints help, or the manual page.
    case help
}
