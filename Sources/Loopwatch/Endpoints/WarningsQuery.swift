// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchHTTP

/// What a request for `/warnings` asks for.
struct WarningsQuery: Sendable, Equatable {
    /// The form of the answer.
    enum Form: String, Sendable {
        /// One JSON document.
        case json
        /// One JSON object a line.
        case ndjson
        /// Server-sent events; always follows.
        case sse
        /// The lines of the log.
        case text
    }

    /// Where to begin.
    enum Start: Sendable, Equatable {
        /// With the latest.
        case latest
        /// After a warning of this run.
        case after(UInt64)
        /// After a warning of another run: everything is new.
        case otherRun
        /// With those of the last so many nanoseconds.
        case last(nanoseconds: Int64)
    }

    /// The form.
    var form: Form
    /// Whether the answer goes on.
    var follows = false
    /// Where to begin.
    var start = Start.latest
    /// Most warnings at once.
    var limit: Int
    /// The mildest severity.
    var severity: Severity?
    /// Only this loop.
    var loop: String?
    /// Only this pool.
    var pool: String?

    /// A parameter that is not understood: its name and what was expected.
    struct Problem: Error, Equatable {
        /// A sentence for the one who asked.
        var text: String
    }

    private static let limitDefault = 100
    private static let limitOfFollower = 10

    /// Reads the parameters and the headers `Accept` and `Last-Event-ID`.
    ///
    /// - Parameters:
    ///   - request: the request.
    ///   - boot: the identity of this run, the first half of a warning's id.
    init(_ request: HTTPRequest, boot: String) throws(Problem) {
        let accept = request.header("accept")?.lowercased() ?? ""
        form =
            accept.contains("text/event-stream") ? .sse : accept.contains("application/x-ndjson") ? .ndjson : .json
        limit = 0
        var seen: Set<String> = []
        for (name, value) in request.query {
            guard seen.insert(name).inserted else { throw Problem(text: "the parameter \(name) is given twice") }
            try read(name, value, boot: boot)
        }
        if form == .sse { follows = true }
        if follows, form == .json { form = .ndjson }
        if !seen.contains("limit") { limit = follows ? Self.limitOfFollower : Self.limitDefault }
        if start == .latest, let identifier = request.header("last-event-id") {
            start = Self.start(identifier, boot: boot) ?? .latest
        }
    }

    /// Whether a report is asked for.
    func includes(_ report: StallReport) -> Bool {
        if let severity, (report.severity ?? .warning) < severity { return false }
        if let loop, report.subject != .loop || report.target != loop { return false }
        if let pool, report.subject != .pool || report.target != pool { return false }
        return true
    }

    private mutating func read(_ name: String, _ value: String, boot: String) throws(Problem) {
        switch name {
        case "format":
            guard let form = Form(rawValue: value) else {
                throw Problem(text: "format is json, ndjson, sse or text, not '\(value)'")
            }
            self.form = form
        case "follow":
            guard ["1", "0", "true", "false", ""].contains(value) else {
                throw Problem(text: "follow is 1 or 0, not '\(value)'")
            }
            follows = value != "0" && value != "false"
        case "since", "after":
            guard let start = Self.start(value, boot: boot) else {
                throw Problem(text: "\(name) is the id of a warning or a duration such as 10m, not '\(value)'")
            }
            self.start = start
        case "limit":
            guard let number = Int(value), (1...Limits.warningsKept).contains(number) else {
                throw Problem(text: "limit is a number from 1 to \(Limits.warningsKept), not '\(value)'")
            }
            limit = number
        case "severity":
            guard let severity = Severity.allCases.first(where: { $0.label == value }) else {
                throw Problem(text: "severity is warning, error or critical, not '\(value)'")
            }
            self.severity = severity
        case "loop": loop = value
        case "pool": pool = value
        default:
            throw Problem(
                text: "there is no parameter '\(name)'; there are since, limit, follow, format, severity, loop and pool"
            )
        }
    }

    private static func start(_ text: String, boot: String) -> Start? {
        if let duration = DurationText.parse(text) { return .last(nanoseconds: duration.wholeNanoseconds) }
        if let number = UInt64(text) { return .after(number) }
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt64(parts[1]), !parts[0].isEmpty else { return nil }
        return parts[0] == boot ? .after(number) : .otherRun
    }
}
