// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// Reads a command line; decides only, and does nothing.
enum CommandParser {
    /// The longest time for which the demo can be asked to run, in seconds: a day.
    static let secondsMaximum = 86_400

    /// The commands, for messages.
    private static let commands = CommandName.allCases.map(\.rawValue).listed(by: "or")

    /// Reads the arguments that follow the program's name.
    static func parse(_ arguments: [String]) throws(CommandError) -> Command {
        guard let first = arguments.first else {
            throw .usage("A command is missing; expected \(commands). See loopwatch --help.")
        }
        switch first {
        case "-h", "--help", "--version":
            if let next = arguments.dropFirst().first {
                throw .usage("'\(next)' is not understood; expected nothing after \(first).")
            }
            return first == "--version" ? .version : .help(.program)
        case _ where first.hasPrefix("-"):
            throw .usage("'\(first)' is not an option; expected --help, --version or a command. See loopwatch --help.")
        default: break
        }
        guard let name = CommandName(rawValue: first) else {
            throw .usage("'\(first)' is not a command; expected \(commands). See loopwatch --help.")
        }
        switch try Arguments.read(arguments.dropFirst(), of: CommandTable[name]) {
        case .help: return .help(.command(name))
        case .version: return .version
        case .run(let arguments): return try command(name, arguments)
        }
    }

    private static func command(_ name: CommandName, _ arguments: Arguments) throws(CommandError) -> Command {
        switch name {
        case .demo: try demo(arguments)
        case .attach: try attach(arguments)
        case .exec: try exec(arguments)
        case .run: try run(arguments)
        case .checkConfiguration: try checkConfiguration(arguments)
        case .stack: try stack(arguments)
        case .top: try top(arguments)
        case .tail: try tail(arguments)
        case .report: try report(arguments)
        case .completion: try completion(arguments)
        case .help: try help(arguments)
        }
    }

    private static func demo(_ arguments: Arguments) throws(CommandError) -> Command {
        try arguments.expectOperands(atMost: 0)
        return .demo(
            DemoOptions(
                seconds: try arguments.value("--seconds") { number($0, in: 1...secondsMaximum) },
                endpoint: try arguments.value("--listen") { EndpointAddress($0) },
                threshold: try arguments.value("--threshold") { text in
                    DurationText.parse(text).flatMap { DemoConfiguration.thresholds.contains($0) ? $0 : nil }
                },
                logPath: try arguments.value("--log", path)
            )
        )
    }

    private static func completion(_ arguments: Arguments) throws(CommandError) -> Command {
        let expected = Shell.allCases.map(\.rawValue).listed(by: "or")
        try arguments.expectOperands(atMost: 1, "one shell")
        guard let word = arguments.operands.first else {
            throw .usage("The shell is missing; expected \(expected).\(arguments.see)")
        }
        guard let shell = Shell(rawValue: word) else {
            throw .usage("'\(word)' is not a shell that is known; expected \(expected).\(arguments.see)")
        }
        return .completion(shell)
    }

    private static func help(_ arguments: Arguments) throws(CommandError) -> Command {
        if arguments.has("--man") {
            try arguments.expectOperands(atMost: 0, "nothing beside --man")
            return .manual
        }
        try arguments.expectOperands(atMost: 1, "one command")
        guard let word = arguments.operands.first else { return .help(.program) }
        guard let name = CommandName(rawValue: word) else {
            throw .usage("'\(word)' is not a command; expected \(commands).\(arguments.see)")
        }
        return .help(.command(name))
    }

    // MARK: Values

    /// A whole number without a sign, within bounds.
    static func number(_ text: String, in allowed: ClosedRange<Int>) -> Int? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(text) else { return nil }
        return allowed.contains(number) ? number : nil
    }

    /// The number of a process or thread.
    static func identifier(_ text: String) -> Int32? {
        number(text, in: 1...Int(Int32.max)).map { Int32($0) }
    }

    /// The path of a file.
    static func path(_ text: String) -> String? {
        text.isEmpty || text.utf8.contains(0) ? nil : text
    }

    /// A time after which a command ends.
    static func duration(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { (.seconds(1) ... .seconds(31_536_000)).contains($0) ? $0 : nil }
    }

    /// A threshold of a watch.
    static func threshold(_ text: String) -> Duration? {
        let allowed = Limits.thresholdNanosecondsMinimum...Limits.thresholdNanosecondsMaximum
        return DurationText.parse(text).flatMap { allowed.contains($0.wholeNanoseconds) ? $0 : nil }
    }
}
