// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchHTTP

/// What a request for one of the profile's forms asks for.
struct ProfileQuery: Sendable, Equatable {
    /// The form of the answer.
    enum Form: String, Sendable {
        /// A table for a terminal.
        case text
        /// A JSON document.
        case json
        /// Folded stacks.
        case folded
        /// Gzipped `profile.proto`.
        case pprof
        /// A flame graph.
        case svg
        /// What a flame graph is drawn from, in tables.
        case flame
    }

    /// A parameter that is not understood: its name and what was expected.
    struct Problem: Error, Equatable {
        /// A sentence for the one who asked.
        var text: String
    }

    /// The form.
    var form: Form
    /// Most groups, of those with the most blocked time.
    var limit = 20

    /// Reads the parameters `format` and, where it is allowed, `limit`; the first form is the default, and JSON is taken
    /// where it is one of the forms and the header `Accept` names it.
    init(_ request: HTTPRequest, forms: [Form], allowsLimit: Bool = false) throws(Problem) {
        let acceptsJSON = request.header("accept")?.lowercased().contains("application/json") == true
        form = acceptsJSON && forms.contains(.json) ? .json : forms[0]
        var seen: Set<String> = []
        for (name, value) in request.query {
            guard seen.insert(name).inserted else { throw Problem(text: "the parameter \(name) is given twice") }
            switch name {
            case "format":
                guard let form = Form(rawValue: value), forms.contains(form) else {
                    let names = forms.map(\.rawValue).joined(separator: ", ")
                    throw Problem(text: "format is one of \(names), not '\(value)'")
                }
                self.form = form
            case "limit" where allowsLimit:
                guard let number = Int(value), (1...Limits.profileStacks).contains(number) else {
                    throw Problem(text: "limit is a number from 1 to \(Limits.profileStacks), not '\(value)'")
                }
                limit = number
            default:
                let names = allowsLimit ? "there are format and limit" : "there is format"
                throw Problem(text: "there is no parameter '\(name)'; \(names)")
            }
        }
    }

    /// Reads the parameters `debug` and `seconds` of Go's `net/http/pprof`.
    ///
    /// - Returns: whether text is asked for.
    static func readsTextOfGo(_ request: HTTPRequest) throws(Problem) -> Bool {
        var isText = false
        var seen: Set<String> = []
        for (name, value) in request.query {
            guard seen.insert(name).inserted else { throw Problem(text: "the parameter \(name) is given twice") }
            switch name {
            case "debug":
                guard let number = Int(value), (0...2).contains(number) else {
                    throw Problem(text: "debug is 0, 1 or 2, not '\(value)'")
                }
                isText = number > 0
            case "seconds":
                guard let number = Int(value), (0...secondsMaximum).contains(number) else {
                    throw Problem(text: "seconds is a number from 0 to \(secondsMaximum), not '\(value)'")
                }
            default: throw Problem(text: "there is no parameter '\(name)'; there are debug and seconds")
            }
        }
        return isText
    }

    /// Longest time that a collector may ask about, in seconds.
    private static let secondsMaximum = 3_600
}
