// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

extension CommandParser {
    /// Reads what follows `top`.
    static func top(_ arguments: Arguments) throws(CommandError) -> Command {
        try arguments.expectOperands(atMost: 1, "one URL or PID")
        guard let operand = arguments.operands.first else {
            throw .usage("URL or PID is missing; expected \(CommandTable.urlExpected), or a process.\(arguments.see)")
        }
        var options = TopOptions(source: .process(0))
        // A number is a process here, and a port nowhere: 127.0.0.1:PORT says that.
        if let identifier = Self.identifier(operand) {
            options.source = .process(identifier)
        } else {
            options.source = .endpoint(try location(operand, "URL"))
        }
        if let interval = try arguments.value("--interval", Self.interval) { options.interval = interval }
        options.isOnce = arguments.has("--once")
        options.isJSON = arguments.has("--json")
        options.threshold = try arguments.value("--threshold", threshold)
        if case .endpoint = options.source, options.threshold != nil {
            throw .usage("--threshold is for a PID: an endpoint has its own.\(arguments.see)")
        }
        return .top(options)
    }

    /// Reads what follows `tail`.
    static func tail(_ arguments: Arguments) throws(CommandError) -> Command {
        try arguments.expectOperands(atMost: 1, "one URL")
        guard let operand = arguments.operands.first else {
            throw .usage("URL is missing; expected \(CommandTable.urlExpected).\(arguments.see)")
        }
        var options = TailOptions(location: try location(operand, "URL"))
        options.isJSON = arguments.has("--json")
        options.limit = try arguments.value("--limit") { number($0, in: 0...Limits.warningsKept) }
        options.since = try arguments.value("--since") { WarningStart($0) }
        options.severity = try arguments.value("--severity") { text in Severity.allCases.first { $0.label == text } }
        options.duration = try arguments.value("--duration", duration)
        return .tail(options)
    }

    /// Reads what follows `report`.
    static func report(_ arguments: Arguments) throws(CommandError) -> Command {
        guard !arguments.operands.isEmpty else {
            throw .usage(
                "FILE is missing; expected one or more logs of warnings, or - for standard input.\(arguments.see)"
            )
        }
        var options = ReportOptions(paths: arguments.operands)
        let forms = [("--json", ReportOptions.Form.json), ("--folded", .folded), ("--flamegraph", .flameGraph)]
            .filter { arguments.has($0.0) }
        guard forms.count <= 1 else {
            throw .usage(
                "expected one of --json, --folded and --flamegraph; found \(forms.map(\.0).listed(by: "and"))."
            )
        }
        if let form = forms.first { options.form = form.1 }
        if let limit = try arguments.value("--limit", { number($0, in: 1...1_000_000) }) { options.limit = limit }
        options.since = try arguments.value("--since") { TimeText($0) }
        options.until = try arguments.value("--until") { TimeText($0) }
        for operand in arguments.operands where path(operand) == nil {
            throw .usage("'\(operand)' is not understood; expected the path of a file.\(arguments.see)")
        }
        return .report(options)
    }

    private static func location(_ text: String, _ name: String) throws(CommandError) -> EndpointLocation {
        guard let location = EndpointLocation(text) else {
            throw .usage(option: name, value: text, expected: CommandTable.urlExpected)
        }
        return location
    }

    private static func interval(_ text: String) -> Duration? {
        DurationText.parse(text).flatMap { (.milliseconds(100) ... .seconds(3_600)).contains($0) ? $0 : nil }
    }
}
