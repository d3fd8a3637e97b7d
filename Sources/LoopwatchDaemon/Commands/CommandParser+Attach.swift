// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

extension CommandParser {
    /// What is expected of a threshold.
    private static let thresholdExpected = "a duration from 5ms to 1d, such as 100ms"
    /// What is expected of a duration.
    private static let durationExpected = "a duration from 1s to 365d, such as 60s"

    /// Reads what follows `attach`.
    mutating func attach() throws(CommandError) -> Command {
        var watch = WatchOptions()
        var selectors: [ProcessSelector] = []
        var duration: Duration?
        var followsChildren = true
        while let argument = rest.popFirst() {
            let (name, joined) = Self.split(argument)
            if try takeWatchOption(name, joined, &watch) { continue }
            switch name {
            case "-h", "--help": return .help(.attach)
            case "--name":
                selectors.append(
                    .commandLine(try value(name, joined, { $0.isEmpty ? nil : $0 }, "a part of the command line"))
                )
            case "--port":
                selectors.append(.port(try value(name, joined, Self.port, "a number from 1 to 65535")))
            case "--duration":
                duration = try value(name, joined, Self.duration, Self.durationExpected)
            case "--no-children":
                try flag(name, joined)
                followsChildren = false
            case _ where argument.hasPrefix("-"):
                throw .usage("'\(argument)' is not an option of attach. See loopwatch attach --help.")
            default:
                guard let identifier = Self.identifier(argument) else {
                    throw .usage(option: "PID", value: argument, expected: "the number of a process")
                }
                selectors.append(.identifier(identifier))
            }
        }
        guard let selector = selectors.first, selectors.count == 1 else {
            let found = selectors.isEmpty ? "none" : selectors.map(\.text).joined(separator: " and ")
            throw .usage("expected one of PID, --name and --port; found \(found). See loopwatch attach --help.")
        }
        return .attach(
            AttachOptions(selector: selector, duration: duration, followsChildren: followsChildren, watch: watch)
        )
    }

    /// Reads what follows `exec`.
    mutating func exec() throws(CommandError) -> Command {
        var watch = WatchOptions()
        while let argument = rest.first {
            if argument == "--" {
                rest.removeFirst()
                break
            }
            guard argument.hasPrefix("-") else { break }
            rest.removeFirst()
            let (name, joined) = Self.split(argument)
            if try takeWatchOption(name, joined, &watch) { continue }
            if name == "-h" || name == "--help" { return .help(.exec) }
            throw .usage("'\(argument)' is not an option of exec. See loopwatch exec --help.")
        }
        guard !rest.isEmpty else {
            throw .usage("COMMAND is missing; expected a program and its arguments. See loopwatch exec --help.")
        }
        return .exec(ExecOptions(command: Array(rest), watch: watch))
    }

    /// Reads what follows `run`.
    mutating func run() throws(CommandError) -> Command {
        var path: String?
        var duration: Duration?
        while let argument = rest.popFirst() {
            let (name, joined) = Self.split(argument)
            switch name {
            case "-h", "--help": return .help(.run)
            case "--config": path = try value(name, joined, Self.path, "the path of a file")
            case "--duration": duration = try value(name, joined, Self.duration, Self.durationExpected)
            default:
                throw .usage("'\(argument)' is not understood; expected --config FILE. See loopwatch run --help.")
            }
        }
        guard let path else { throw .usage("--config is missing; expected --config FILE. See loopwatch run --help.") }
        return .run(RunOptions(path: path, duration: duration))
    }

    /// Reads what follows `check-config`.
    mutating func checkConfiguration() throws(CommandError) -> Command {
        guard let argument = rest.popFirst() else {
            throw .usage("FILE is missing; expected the path of a configuration. See loopwatch check-config --help.")
        }
        if argument == "-h" || argument == "--help" { return .help(.checkConfiguration) }
        guard let path = Self.path(argument), rest.isEmpty else {
            throw .usage("'\(rest.first ?? argument)' is not understood; expected one FILE.")
        }
        return .checkConfiguration(path: path)
    }

    /// Takes an option that all commands have which watch other processes.
    private mutating func takeWatchOption(
        _ name: String,
        _ joined: String?,
        _ options: inout WatchOptions
    ) throws(CommandError) -> Bool {
        switch name {
        case "--listen":
            let text = try value(
                name,
                joined,
                { $0 == "off" || EndpointAddress($0) != nil ? $0 : nil },
                "ADDRESS:PORT such as \(EndpointAddress.standard), unix:/PATH, or off"
            )
            options.endpoint = EndpointAddress(text)
            options.isEndpointOff = text == "off"
        case "--threshold":
            options.threshold = try value(name, joined, Self.threshold, Self.thresholdExpected)
        case "--log":
            options.logPath = try value(name, joined, Self.path, "the path of a file")
        case "--process-name":
            options.name = try value(
                name,
                joined,
                { $0.isEmpty || $0.utf8.count > Limits.processNameBytes ? nil : $0 },
                "a name of at most \(Limits.processNameBytes) bytes"
            )
        case "--evidence":
            options.rung = try value(
                name,
                joined,
                { text in EvidenceRung.allCases.first { $0.label == text } },
                EvidenceRung.allCases.map(\.label).joined(separator: ", ")
            )
        case "--no-stop":
            try flag(name, joined)
            options.allowsStop = false
        default: return false
        }
        return true
    }

    private static func identifier(_ text: String) -> Int32? {
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int32(text), number > 0 else { return nil }
        return number
    }

    private static func port(_ text: String) -> UInt16? {
        text.utf8.allSatisfy { (48...57).contains($0) } ? UInt16(text).flatMap { $0 > 0 ? $0 : nil } : nil
    }

    private static func duration(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { (.seconds(1) ... .seconds(31_536_000)).contains($0) ? $0 : nil }
    }

    private static func threshold(_ text: String) -> Duration? {
        let allowed = Limits.thresholdNanosecondsMinimum...Limits.thresholdNanosecondsMaximum
        return DurationText.parse(text).flatMap { allowed.contains($0.wholeNanoseconds) ? $0 : nil }
    }
}
