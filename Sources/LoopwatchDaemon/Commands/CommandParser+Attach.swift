// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

extension CommandParser {
    /// Reads what follows `attach`.
    static func attach(_ arguments: Arguments) throws(CommandError) -> Command {
        var selectors: [ProcessSelector] = []
        for operand in arguments.operands {
            guard let identifier = Self.identifier(operand) else {
                throw .usage(option: "PID", value: operand, expected: "the number of a process")
            }
            selectors.append(.identifier(identifier))
        }
        if let name = try arguments.value("--name", { $0.isEmpty ? nil : $0 }) { selectors.append(.commandLine(name)) }
        if let port = try arguments.value("--port", { number($0, in: 1...65_535) }) {
            selectors.append(.port(UInt16(port)))
        }
        guard let selector = selectors.first, selectors.count == 1 else {
            let found = selectors.isEmpty ? "none" : selectors.map(\.text).joined(separator: " and ")
            throw .usage("expected one of PID, --name and --port; found \(found).\(arguments.see)")
        }
        return .attach(
            AttachOptions(
                selector: selector,
                duration: try arguments.value("--duration", duration),
                followsChildren: !arguments.has("--no-children"),
                watch: try watchOptions(arguments)
            )
        )
    }

    /// Reads what follows `exec`.
    static func exec(_ arguments: Arguments) throws(CommandError) -> Command {
        guard !arguments.operands.isEmpty else {
            throw .usage("COMMAND is missing; expected a program and its arguments.\(arguments.see)")
        }
        return .exec(ExecOptions(command: arguments.operands, watch: try watchOptions(arguments)))
    }

    /// Reads what follows `run`.
    static func run(_ arguments: Arguments) throws(CommandError) -> Command {
        try arguments.expectOperands(atMost: 0, "--config FILE")
        guard let path = try arguments.value("--config", Self.path) else {
            throw .usage("--config is missing; expected --config FILE.\(arguments.see)")
        }
        return .run(RunOptions(path: path, duration: try arguments.value("--duration", duration)))
    }

    /// Reads what follows `check-config`.
    static func checkConfiguration(_ arguments: Arguments) throws(CommandError) -> Command {
        guard let argument = arguments.operands.first else {
            throw .usage("FILE is missing; expected the path of a configuration.\(arguments.see)")
        }
        try arguments.expectOperands(atMost: 1, "one FILE")
        guard let path = Self.path(argument) else {
            throw .usage("'\(argument)' is not understood; expected one FILE.")
        }
        return .checkConfiguration(path: path)
    }

    /// Reads what follows `stack`.
    static func stack(_ arguments: Arguments) throws(CommandError) -> Command {
        try arguments.expectOperands(atMost: 2, "nothing after PID and TID")
        var numbers: [Int32] = []
        for (operand, thing) in zip(arguments.operands, [("PID", "process"), ("TID", "thread")]) {
            guard let number = Self.identifier(operand) else {
                throw .usage(option: thing.0, value: operand, expected: "the number of a \(thing.1)")
            }
            numbers.append(number)
        }
        guard let process = numbers.first else {
            throw .usage("PID is missing; expected the number of a process.\(arguments.see)")
        }
        return .stack(
            StackOptions(
                process: process,
                thread: numbers.count > 1 ? numbers[1] : nil,
                allowsStop: !arguments.has("--no-stop"),
                isDetailed: arguments.has("--detailed")
            )
        )
    }

    /// Reads the options that all commands have which watch other processes.
    private static func watchOptions(_ arguments: Arguments) throws(CommandError) -> WatchOptions {
        let listen = try arguments.value("--listen") { $0 == "off" || EndpointAddress($0) != nil ? $0 : nil }
        return WatchOptions(
            endpoint: listen.flatMap { EndpointAddress($0) },
            isEndpointOff: listen == "off",
            threshold: try arguments.value("--threshold", threshold),
            logPath: try arguments.value("--log", path),
            name: try arguments.value("--process-name") {
                $0.isEmpty || $0.utf8.count > Limits.processNameBytes ? nil : $0
            },
            allowsStop: !arguments.has("--no-stop"),
            rung: try arguments.value("--evidence") { text in EvidenceRung.allCases.first { $0.label == text } }
        )
    }
}
