// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Which processes are meant.
public enum ProcessSelector: Sendable, Hashable {
    /// The process with this id.
    case identifier(Int32)
    /// Those whose command line holds the text; with `*` in it, those whose whole command line fits, `*` being any text.
    case commandLine(String)
    /// Those that listen at the TCP port.
    case port(UInt16)
    /// Those of the systemd unit.
    case unit(String)

    /// The selector in words.
    public var text: String {
        switch self {
        case .identifier(let identifier): "process \(identifier)"
        case .commandLine(let pattern): "processes whose command line has '\(pattern)'"
        case .port(let port): "processes that listen at port \(port)"
        case .unit(let unit): "processes of the unit \(unit)"
        }
    }

    /// Whether a command line fits a pattern.
    static func fits(_ commandLine: String, _ pattern: String) -> Bool {
        guard pattern.utf8.contains(0x2A) else { return commandLine.contains(pattern) }
        let text = Array(commandLine.utf8)
        let pattern = Array(pattern.utf8)
        // Goes back to the last star only, which is enough: linear in the product of both lengths.
        var (position, index, star, resume) = (0, 0, -1, 0)
        while position < text.count {
            if index < pattern.count, pattern[index] == 0x2A {
                star = index
                resume = position
                index += 1
            } else if index < pattern.count, pattern[index] == text[position] {
                index += 1
                position += 1
            } else if star >= 0 {
                resume += 1
                position = resume
                index = star + 1
            } else {
                return false
            }
        }
        return pattern[index...].allSatisfy { $0 == 0x2A }
    }
}

/// Everything by which processes are chosen, at one moment.
public struct ProcessTable: Sendable {
    /// The processes.
    public var entries: [ProcessEntry]
    /// Processes that are never meant by a pattern: the watcher itself, and the shells it was started from, whose command
    /// line has the pattern too.
    public var own: Set<Int32>

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - entries: the processes.
    ///   - watcher: process id of the watcher.
    public init(entries: [ProcessEntry], watcher: Int32) {
        self.entries = entries
        let parents = Dictionary(entries.map { ($0.identifier, $0.parent) }) { first, _ in first }
        var own: Set<Int32> = []
        var next: Int32? = watcher
        while let identifier = next, identifier > 1, own.insert(identifier).inserted { next = parents[identifier] }
        self.own = own
    }

    /// The processes that are meant, in the order of their ids.
    ///
    /// - Parameters:
    ///   - selector: which.
    ///   - listeners: ids of the processes that listen at the port, for ``ProcessSelector/port(_:)``.
    ///   - unitOf: the systemd unit of a process, for ``ProcessSelector/unit(_:)``.
    public func matches(
        _ selector: ProcessSelector,
        listeners: Set<Int32> = [],
        unitOf: (Int32) -> String? = { _ in nil }
    ) -> [ProcessEntry] {
        entries.filter { entry in
            switch selector {
            case .identifier(let identifier): entry.identifier == identifier
            case .commandLine(let pattern):
                !own.contains(entry.identifier) && !entry.arguments.isEmpty
                    && ProcessSelector.fits(entry.commandLine, pattern)
            case .port: !own.contains(entry.identifier) && listeners.contains(entry.identifier)
            case .unit(let unit): unitOf(entry.identifier) == unit
            }
        }
        .sorted { $0.identifier < $1.identifier }
    }

    /// The given processes and all that descend from them, children after their parents.
    public func withDescendants(of roots: [ProcessEntry]) -> [ProcessEntry] {
        var result = roots
        var seen = Set(roots.map(\.identifier)).union(own)
        var index = 0
        while index < result.count {
            let parent = result[index].identifier
            for entry in entries where entry.parent == parent && seen.insert(entry.identifier).inserted {
                result.append(entry)
            }
            index += 1
        }
        return result
    }
}
