// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Decides what of a followed endpoint is printed, and where to go on when the connection was lost.
///
/// The place is the last warning that was printed: the run of the server and a number. What comes with a number that is
/// not higher was printed already; another run means that the server was restarted, and that its numbers begin anew.
struct TailSession {
    /// What is to be done.
    enum Action: Equatable {
        /// A warning is to be printed.
        case print(JSON5Value)
        /// A remark is to be made on standard error.
        case say(String)
    }

    private let severity: Severity?
    /// The place; `nil` before anything is known.
    private(set) var position: WarningIdentifier?
    /// Whether the latest warnings have been asked for, which are the beginning.
    private(set) var hasBegun = false

    /// Begins.
    ///
    /// - Parameters:
    ///   - start: after which warning; `nil` for the latest.
    ///   - severity: the mildest severity that is asked for.
    init(after start: WarningIdentifier? = nil, severity: Severity? = nil) {
        position = start
        hasBegun = start != nil
        self.severity = severity
    }

    /// What tells the run of the server and its newest warning.
    static let documentPath = "/warnings?format=json&limit=1"

    /// What the warnings are that it begins with.
    func beginningPath(limit: Int, since: String?) -> String {
        "/warnings?format=ndjson&limit=\(max(1, limit))" + (since.map { "&since=\($0)" } ?? "") + filter
    }

    /// What goes on after the place.
    var streamPath: String {
        "/warnings?format=ndjson&follow=1" + (position.map { "&since=\($0)" } ?? "") + filter
    }

    private var filter: String { severity.map { "&severity=\($0.label)" } ?? "" }

    /// Takes the document of a server that was connected to.
    ///
    /// - Returns: what is to be done; `nil` if it is no document of an endpoint.
    mutating func opened(_ document: JSON5Value) -> [Action]? {
        guard let run = document["boot"]?.string, WarningIdentifier.isRun(run) else { return nil }
        guard let position else {
            self.position = WarningIdentifier(run: run, number: document["newest"]?.unsigned ?? 0)
            return []
        }
        return changed(from: position, to: run)
    }

    /// Notes that the warnings that it begins with have been printed.
    mutating func began() { hasBegun = true }

    /// Takes one of the warnings that it begins with.
    mutating func beginning(_ object: JSON5Value) -> [Action] {
        guard let identifier = Self.identifier(of: object) else { return [] }
        if let known = position, known.run == identifier.run {
            position?.number = max(known.number, identifier.number)
        }
        return [.print(object)]
    }

    /// Takes one line of what goes on.
    mutating func line(_ object: JSON5Value) -> [Action] {
        if let event = object["event"]?.string { return said(event, object) }
        guard let identifier = Self.identifier(of: object) else {
            return [.say("a line of the stream is no warning, and is left out")]
        }
        guard let known = position else {
            position = identifier
            return [.print(object)]
        }
        var actions = changed(from: known, to: identifier.run)
        guard identifier.number > position?.number ?? 0 else { return actions }
        position = identifier
        actions.append(.print(object))
        return actions
    }

    private mutating func changed(from known: WarningIdentifier, to run: String) -> [Action] {
        guard known.run != run else { return [] }
        position = WarningIdentifier(run: run, number: 0)
        return [
            .say("the server is another run than the one of warning \(known): its warnings begin anew, as \(run)-1")
        ]
    }

    private func said(_ event: String, _ object: JSON5Value) -> [Action] {
        switch event {
        case "gap":
            guard let missed = object["missed"]?.unsigned else {
                return [.say("warnings were forgotten by the server before they were read")]
            }
            let (warnings, were, they) = missed == 1 ? ("warning", "was", "it") : ("warnings", "were", "they")
            return [.say("\(missed) \(warnings) \(were) forgotten by the server before \(they) \(were) read")]
        case "end": return [.say("the server says that it ends")]
        default: return []
        }
    }

    private static func identifier(of object: JSON5Value) -> WarningIdentifier? {
        object["id"]?.string.flatMap { WarningIdentifier($0) }
    }
}
