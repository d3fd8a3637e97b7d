// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// Reads the text of a configuration file; finds everything that is wrong with it, not only the first.
struct DaemonConfigurationReader {
    private let file: String
    private(set) var problems: [ConfigurationProblem] = []

    /// How a value is written.
    private enum Shape {
        case text, number, boolean, texts

        var expected: String {
            switch self {
            case .text: "a string"
            case .number: "a whole number"
            case .boolean: "true or false"
            case .texts: "a list of strings"
            }
        }
    }

    /// What can be said of the watch: each key stands for an environment variable, and takes what that takes.
    private static let settings: [(key: String, variable: String, shape: Shape)] = [
        ("listen", "LOOPWATCH_LISTEN", .text),
        ("allow_remote", "LOOPWATCH_ALLOW_REMOTE", .boolean),
        ("allowed_hosts", "LOOPWATCH_ALLOWED_HOSTS", .texts),
        ("log", "LOOPWATCH_LOG", .text),
        ("threshold", "LOOPWATCH_THRESHOLD", .text),
        ("error_threshold", "LOOPWATCH_ERROR_THRESHOLD", .text),
        ("critical_threshold", "LOOPWATCH_CRITICAL_THRESHOLD", .text),
        ("report_burst", "LOOPWATCH_REPORT_BURST", .number),
        ("loops_limit", "LOOPWATCH_LOOPS_LIMIT", .number),
        ("pools_limit", "LOOPWATCH_POOLS_LIMIT", .number),
    ]
    /// Those that can be said of single processes too.
    private static let thresholdKeys = ["threshold", "error_threshold", "critical_threshold"]
    /// Keys that say which processes are meant: exactly one of them.
    private static let selectorKeys = ["pid", "command", "port", "unit"]
    /// Most rules.
    static let rulesMost = 256

    private init(file: String) { self.file = file }

    /// Reads a configuration.
    ///
    /// - Parameters:
    ///   - text: what the file has.
    ///   - file: its path, for messages.
    /// - Returns: the configuration, or everything that is wrong, in the order of the file.
    static func read(_ text: String, file: String) -> Result<DaemonConfiguration, Problems> {
        var reader = DaemonConfigurationReader(file: file)
        let document: JSON5Value
        do throws(JSON5Reader.Problem) {
            document = try JSON5Reader.read(text)
        } catch {
            return .failure(
                Problems(all: [
                    ConfigurationProblem(file: file, position: error.position, key: "", message: error.message)
                ])
            )
        }
        let configuration = reader.configuration(document)
        guard reader.problems.isEmpty, let configuration else {
            let sorted = reader.problems.sorted {
                ($0.position?.line ?? 0, $0.position?.column ?? 0) < ($1.position?.line ?? 0, $1.position?.column ?? 0)
            }
            return .failure(Problems(all: sorted))
        }
        return .success(configuration)
    }

    /// Everything that is wrong with a file.
    struct Problems: Error, Equatable {
        var all: [ConfigurationProblem]
    }

    // MARK: Objects

    private mutating func note(_ message: String, key: String, at position: TextPosition?) {
        problems.append(ConfigurationProblem(file: file, position: position, key: key, message: message))
    }

    /// The members of an object by key; notes unknown and duplicate ones.
    private mutating func members(
        of value: JSON5Value,
        path: String,
        known: [String]
    ) -> [String: JSON5Value.Member]? {
        guard case .object(let members) = value.content else {
            note("\(value.kind) is not allowed; expected an object", key: path, at: value.position)
            return nil
        }
        var result: [String: JSON5Value.Member] = [:]
        for member in members {
            let key = Self.path(path, member.key)
            if !known.contains(member.key) {
                note("is not a key; expected one of \(known.joined(separator: ", "))", key: key, at: member.position)
            } else if let first = result[member.key] {
                note("is given twice, first in line \(first.position.line)", key: key, at: member.position)
            } else {
                result[member.key] = member
            }
        }
        return result
    }

    private static func path(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private mutating func configuration(_ document: JSON5Value) -> DaemonConfiguration? {
        let known = Self.settings.map(\.key) + ["processes"]
        guard let members = members(of: document, path: "", known: known) else { return nil }
        let watch = watch(members, path: "", keys: Self.settings.map(\.key), base: DaemonConfiguration.watchBase)
        guard let processes = members["processes"] else {
            note("is missing; expected a list of what to watch", key: "processes", at: document.position)
            return nil
        }
        guard case .array(let elements) = processes.value.content, !elements.isEmpty,
            elements.count <= Self.rulesMost
        else {
            note(
                "expected a list of 1 to \(Self.rulesMost) objects, such as [{ port: 8000 }]",
                key: "processes",
                at: processes.value.position
            )
            return nil
        }
        var rules: [DaemonConfiguration.Rule] = []
        for (index, element) in elements.enumerated() {
            let path = "processes[\(index)]"
            guard let rule = rule(element, path: path, base: watch) else { continue }
            if rules.contains(where: { $0.selector == rule.selector }) {
                note("\(rule.selector.text): already meant above", key: path, at: element.position)
            }
            rules.append(rule)
        }
        return DaemonConfiguration(watch: watch, rules: rules)
    }

    // MARK: Settings

    /// Reads what is said of the watch, each key alone and then all together, for what must fit together.
    private mutating func watch(
        _ members: [String: JSON5Value.Member],
        path: String,
        keys: [String],
        base: WatchConfiguration
    ) -> WatchConfiguration {
        var environment: [String: String] = [:]
        for setting in Self.settings where keys.contains(setting.key) {
            guard let member = members[setting.key] else { continue }
            let key = Self.path(path, setting.key)
            guard let text = Self.text(of: member.value, as: setting.shape) else {
                note(
                    "\(member.value.kind) is not allowed; expected \(setting.shape.expected)",
                    key: key,
                    at: member.value.position
                )
                continue
            }
            environment[setting.variable] = text
        }
        // One error hides those behind it: what is wrong is left out, and the rest tried again.
        var rest = environment
        while true {
            do throws(ConfigurationError) {
                return try WatchConfiguration(environment: rest, base: base)
            } catch {
                guard let setting = Self.settings.first(where: { $0.variable == error.key }),
                    let member = members[setting.key], rest.removeValue(forKey: setting.variable) != nil
                else {
                    note("\(error)", key: path, at: nil)
                    return base
                }
                let expected = Self.settings.reduce(error.expected) { text, setting in
                    text.replacing("\(setting.variable)=", with: "\(setting.key): ")
                }
                note(
                    "'\(error.value)' is not allowed; expected \(expected)",
                    key: Self.path(path, setting.key),
                    at: member.value.position
                )
            }
        }
    }

    private static func text(of value: JSON5Value, as shape: Shape) -> String? {
        switch (shape, value.content) {
        case (.text, .string(let text)): return text
        case (.number, .number(let text)): return text
        case (.boolean, .boolean(let value)): return "\(value)"
        case (.texts, .array(let values)):
            var texts: [String] = []
            for value in values {
                guard case .string(let text) = value.content else { return nil }
                texts.append(text)
            }
            return texts.joined(separator: ",")
        default: return nil
        }
    }

    // MARK: Processes

    private mutating func rule(
        _ value: JSON5Value,
        path: String,
        base: WatchConfiguration
    ) -> DaemonConfiguration.Rule? {
        let known = Self.selectorKeys + ["name", "follow_children"] + Self.thresholdKeys
        guard let members = members(of: value, path: path, known: known) else { return nil }
        let given = Self.selectorKeys.filter { members[$0] != nil }
        if given.count != 1 {
            let found = given.isEmpty ? "none" : given.joined(separator: " and ")
            note(
                "expected one of \(Self.selectorKeys.joined(separator: ", ")); found \(found)",
                key: path,
                at: value.position
            )
        }
        var rule = DaemonConfiguration.Rule(selector: .identifier(0))
        if let key = given.first, let member = members[key] {
            guard let selector = selector(key, member.value, path: path) else { return nil }
            rule.selector = selector
        }
        if let member = members["name"] {
            let key = Self.path(path, "name")
            if case .string(let name) = member.value.content, !name.isEmpty,
                name.utf8.count <= Limits.processNameBytes
            {
                rule.name = name
            } else {
                note(
                    "'\(member.value.text)' is not allowed; expected a name of at most \(Limits.processNameBytes) bytes",
                    key: key,
                    at: member.value.position
                )
            }
        }
        if let member = members["follow_children"] {
            if case .boolean(let follows) = member.value.content {
                rule.followsChildren = follows
            } else {
                note(
                    "\(member.value.kind) is not allowed; expected true or false",
                    key: Self.path(path, "follow_children"),
                    at: member.value.position
                )
            }
        }
        if Self.thresholdKeys.contains(where: { members[$0] != nil }) {
            rule.thresholds = watch(members, path: path, keys: Self.thresholdKeys, base: base).thresholds
        }
        return given.count == 1 ? rule : nil
    }

    private mutating func selector(_ key: String, _ value: JSON5Value, path: String) -> ProcessSelector? {
        let expected: String
        switch (key, value.content) {
        case ("pid", .number(let text)):
            if let identifier = Int32(text), identifier > 0 { return .identifier(identifier) }
            expected = "a process id"
        case ("port", .number(let text)):
            if let port = UInt16(text), port > 0 { return .port(port) }
            expected = "a number from 1 to 65535"
        case ("command", .string(let text)):
            if !text.isEmpty { return .commandLine(text) }
            expected = "a part of the command line"
        case ("unit", .string(let text)):
            if text.hasSuffix(".service") || text.hasSuffix(".scope") { return .unit(text) }
            expected = "the name of a unit, such as \"api.service\""
        case ("pid", _), ("port", _): expected = "a number"
        default: expected = "a string"
        }
        note(
            "'\(value.text)' is not allowed; expected \(expected)",
            key: Self.path(path, key),
            at: value.position
        )
        return nil
    }
}
