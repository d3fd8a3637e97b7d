// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// Reads a command line; decides only, and does nothing.
struct CommandParser {
    /// What has not been read yet.
    var rest: ArraySlice<String>
    private var given: Set<String> = []

    /// The longest time for which the demo can be asked to run: a day.
    static let secondsMaximum = 86_400

    private init(_ arguments: ArraySlice<String>) {
        rest = arguments
    }

    /// Reads the arguments that follow the program's name.
    static func parse(_ arguments: [String]) throws(CommandError) -> Command {
        guard let first = arguments.first else {
            throw .usage("A command is missing; expected demo or stack. See loopwatch --help.")
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
        case _ where first.hasPrefix("-"):
            throw .usage("'\(first)' is not an option; expected --help, --version or a command. See loopwatch --help.")
        default:
            throw .usage("'\(first)' is not a command; expected demo or stack. See loopwatch --help.")
        }
    }

    private mutating func demo() throws(CommandError) -> Command {
        var options = DemoOptions()
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let isJoined = argument.hasPrefix("--") && parts.count == 2
            let name = isJoined ? String(parts[0]) : argument
            let joined = isJoined ? String(parts[1]) : nil
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

    /// The value of an option, joined to it by `=` or in the argument after it.
    private mutating func value<Value>(
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

    private static func path(_ text: String) -> String? {
        text.isEmpty || text.utf8.contains(0) ? nil : text
    }
}
