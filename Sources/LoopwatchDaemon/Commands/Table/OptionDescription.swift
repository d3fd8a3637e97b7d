// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What a shell completes after an option or in place of an operand.
enum Completion: Sendable, Equatable {
    /// Nothing can be guessed.
    case nothing
    /// The path of a file.
    case file
    /// The number of a process.
    case process
    /// One of these words.
    case words([String])
}

/// An option of a command: what its parsing, its help, the manual page and the shells' completion are made from.
struct OptionDescription: Sendable {
    /// How it is written, such as `--listen`.
    var name: String
    /// A shorter way to write it, such as `-h`.
    var short: String?
    /// What stands for its value in help; `nil` for an option without one.
    var placeholder: String?
    /// What is expected of its value, for messages.
    var expected = ""
    /// What it does, as help says it: one line of text, which is wrapped where it is shown.
    var summary: String
    /// What a shell completes as its value.
    var completion = Completion.nothing

    /// The option with its value, as help shows it.
    var usage: String {
        (short.map { $0 + ", " } ?? "") + name + (placeholder.map { " " + $0 } ?? "")
    }

    /// What every command has.
    static let common = [
        OptionDescription(name: "--help", short: "-h", summary: "show this text"),
        OptionDescription(name: "--version", summary: "show the version"),
    ]
}
