// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The words that follow a command, told apart by its description: options, their values, and operands.
struct Arguments {
    /// What a command line comes to before its values are read.
    enum Outcome {
        /// Its help is asked for.
        case help
        /// The version is asked for.
        case version
        /// It is to be run.
        case run(Arguments)
    }

    private let command: CommandDescription
    private var values: [String: String] = [:]
    private var flags: Set<String> = []
    /// What is no option, in its order.
    private(set) var operands: [String] = []

    private init(of command: CommandDescription) { self.command = command }

    /// Tells the words apart.
    ///
    /// - Throws: ``CommandError`` for an option that the command does not have, that is given twice, or whose value is
    ///   missing.
    static func read(_ words: ArraySlice<String>, of command: CommandDescription) throws(CommandError) -> Outcome {
        var arguments = Arguments(of: command)
        var rest = words
        while let word = rest.popFirst() {
            if word == "--", command.endsAtFirstOperand {
                arguments.operands += rest
                break
            }
            // A hyphen alone is standard input.
            guard word.hasPrefix("-"), word != "-" else {
                arguments.operands.append(word)
                guard command.endsAtFirstOperand else { continue }
                arguments.operands += rest
                break
            }
            let (name, joined) = split(word)
            guard let option = command.option(name) else {
                throw .usage(
                    "'\(word)' is not an option of \(command.name.rawValue); \(arguments.expectedOptions)\(arguments.see)"
                )
            }
            guard option.placeholder != nil else {
                guard joined == nil else { throw .usage(option: name, value: joined ?? "", expected: "no value") }
                if option.name == "--help" { return .help }
                if option.name == "--version" { return .version }
                guard arguments.flags.insert(option.name).inserted else {
                    throw .usage("\(name): given twice; expected once.")
                }
                continue
            }
            guard arguments.values[option.name] == nil else { throw .usage("\(name): given twice; expected once.") }
            guard let value = joined ?? rest.popFirst() else {
                throw .usage("\(name): its value is missing; expected \(option.expected).")
            }
            arguments.values[option.name] = value
        }
        return .run(arguments)
    }

    /// Whether an option without a value is given.
    func has(_ option: String) -> Bool { flags.contains(option) }

    /// The value of an option; `nil` if it is not given.
    ///
    /// - Throws: ``CommandError`` where the value is not allowed.
    func value<Value>(_ option: String, _ parse: (String) -> Value?) throws(CommandError) -> Value? {
        guard let text = values[option] else { return nil }
        guard let value = parse(text) else {
            throw .usage(option: option, value: text, expected: command.option(option)?.expected ?? "another value")
        }
        return value
    }

    /// Makes sure that there are no operands, or no more than some.
    func expectOperands(atMost count: Int, _ expected: String? = nil) throws(CommandError) {
        guard operands.count > count else { return }
        throw .usage(
            "'\(operands[count])' is not understood; \(expected.map { "expected \($0)." } ?? expectedOptions)\(see)"
        )
    }

    /// Where the command's help is.
    var see: String { " See loopwatch \(command.name.rawValue) --help." }

    /// The options that could have been meant.
    private var expectedOptions: String {
        let names = command.options.map(\.name)
        return "expected \((names.isEmpty ? OptionDescription.common.map(\.name) : names).listed(by: "or"))."
    }

    /// An option, and the value that is joined to it by `=`.
    private static func split(_ word: String) -> (name: String, joined: String?) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard word.hasPrefix("--"), parts.count == 2 else { return (word, nil) }
        return (String(parts[0]), String(parts[1]))
    }
}

extension [String] {
    /// The texts as a sentence lists them: `a, b or c`.
    func listed(by word: String) -> String {
        guard count > 1, let last else { return first ?? "" }
        return dropLast().joined(separator: ", ") + " \(word) \(last)"
    }
}
