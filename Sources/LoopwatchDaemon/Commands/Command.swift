// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the command line asks for.
enum Command: Equatable {
    /// Shows text about the program or about one of its commands.
    case help(HelpText)
    /// Shows the version.
    case version
    /// Runs the demo.
    case demo(DemoOptions)
    /// Prints the stacks of another process.
    case stack(StackOptions)
    /// Watches processes that run already.
    case attach(AttachOptions)
    /// Starts a program and watches it.
    case exec(ExecOptions)
    /// Watches what a file says.
    case run(RunOptions)
    /// Says what is wrong with a file.
    case checkConfiguration(path: String)
    /// Shows what is blocked now.
    case top(TopOptions)
    /// Follows warnings.
    case tail(TailOptions)
    /// Sums up logs.
    case report(ReportOptions)
    /// Prints a completion script.
    case completion(Shell)
    /// Prints the manual page.
    case manual
}
