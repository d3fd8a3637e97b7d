// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// A command: the one source of its parsing, its help, the manual page and the shells' completion.
struct CommandDescription: Sendable {
    /// Its name.
    var name: CommandName
    /// What may follow the name, as usage shows it.
    var operands: String
    /// What it does, in a few words, for the list of commands.
    var summary: String
    /// What it does, a paragraph each.
    var paragraphs: [String]
    /// Its own options; ``OptionDescription/common`` come besides.
    var options: [OptionDescription]
    /// What a shell completes in place of an operand.
    var completion = Completion.nothing
    /// Whether what follows the first operand belongs to another program.
    var endsAtFirstOperand = false
    /// What is to be said after the options, a paragraph each.
    var remarks: [String] = []
    /// Whether environment variables change what it does.
    var readsEnvironment = false

    /// All options, with those that every command has.
    var allOptions: [OptionDescription] { options + OptionDescription.common }

    /// The option that a word names.
    func option(_ word: String) -> OptionDescription? {
        allOptions.first { $0.name == word || $0.short == word }
    }
}
