// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// Reads a command line; decides only, and does nothing.
struct CommandParser {
    /// What has not been read yet.
    var rest: ArraySlice<String>
    private var given: Set<String> = []

    /// The commands, for messages.
    static let commands = "demo, attach, exec, run, check-config or stack"
    /// The longest time for which the demo can be asked to run: a day.
    static let secondsMaximum = 86_400

    private init(_ arguments: ArraySlice<String>) {
        rest = arguments
    }

    /// Reads the arguments that follow the program's name.
    static func parse(_ arguments: [String]) throws(CommandError) -> Command {
        guard let first = arguments.first else {
            throw .usage("A command is missing; expected \(Self.commands). See loopwatch --help.")
        }
        switch first {
        case "-h", "--help", "--version":
            if let next = arguments.dropFirst().first {
                throw .usage("'\(next)' is not understood; expected nothing after \(first).")
            }
            return first == "--version" ? .version : .help(.program)
        case "demo":
            var parser = CommandParser(arguments.dropFirst())
            return try parser.demo()
        case "stack":
            var parser = CommandParser(arguments.dropFirst())
            return try parser.stack()
        case "attach":
            var parser = CommandParser(arguments.dropFirst())
            return try parser.attach()
        case "exec":
            var parser = CommandParser(arguments.dropFirst())
            return try parser.exec()
        case "run":
            var parser = CommandParser(arguments.dropFirst())
            return try parser.run()
        case "check-config":
            var parser = CommandParser(arguments.dropFirst())
            return try parser.checkConfiguration()
        case _ where first.hasPrefix("-"):
            throw .usage("'\(first)' is not an option; expected --help, --version or a command. See loopwatch --help.")
        default:
            throw .usage("'\(first)' is not a command; expected \(Self.commands). See loopwatch --help.")
        }
    }

    private mutating func demo() throws(CommandError) -> Command {
        var options = DemoOptions()
        while let argument = rest.popFirst() {
            let (name, joined) = Self.split(argument)
            switch name {
            case "-h", "--help":
                guard joined == nil else {
                    throw .usage(option: name, value: joined ?? "", expected: "no value")
                }
                return .help(.demo)
            case "--seconds":
                options.seconds = try value(name, joined, Self.seconds, "a number from 1 to \(Self.secondsMaximum)")
            case "--listen":
                options.endpoint = try value(
                    name,
                    joined,
                    { EndpointAddress($0) },
                    "ADDRESS:PORT such as \(EndpointAddress.standard), or unix:/PATH"
                )
            case "--threshold":
                options.threshold = try value(name, joined, Self.threshold, DemoConfiguration.thresholdExpected)
            case "--log":
                options.logPath = try value(name, joined, Self.path, "the path of a file")
            default:
                let kind = argument.hasPrefix("-") ? "an option of demo" : "understood"
                throw .usage(
                    "'\(argument)' is not \(kind);"
                        + " expected --seconds, --listen, --threshold or --log. See loopwatch demo --help."
                )
            }
        }
        return .demo(options)
    }

    /// An option, and the value that is joined to it by `=`.
    static func split(_ argument: String) -> (name: String, joined: String?) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard argument.hasPrefix("--"), parts.count == 2 else { return (argument, nil) }
        return (String(parts[0]), String(parts[1]))
    }

    /// Notes that an option without a value was given.
    mutating func flag(_ option: String, _ joined: String?) throws(CommandError) {
        guard joined == nil else { throw .usage(option: option, value: joined ?? "", expected: "no value") }
        guard given.insert(option).inserted else { throw .usage("\(option): given twice; expected once.") }
    }

    /// The value of an option, joined to it by `=` or in the argument after it.
    mutating func value<Value>(
        _ option: String,
        _ joined: String?,
        _ parse: (String) -> Value?,
        _ expected: String
    ) throws(CommandError) -> Value {
        guard given.insert(option).inserted else {
            throw .usage("\(option): given twice; expected once.")
        }
        guard let text = joined ?? rest.popFirst() else {
            throw .usage("\(option): its value is missing; expected \(expected).")
        }
        guard let value = parse(text) else {
            throw .usage(option: option, value: text, expected: expected)
        }
        return value
    }

    private static func seconds(_ text: String) -> Int? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { return nil }
        return (1...secondsMaximum).contains(number) ? number : nil
    }

    private static func threshold(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { DemoConfiguration.thresholds.contains($0) ? $0 : nil }
    }

    static func path(_ text: String) -> String? {
        text.isEmpty || text.utf8.contains(0) ? nil : text
    }
}
