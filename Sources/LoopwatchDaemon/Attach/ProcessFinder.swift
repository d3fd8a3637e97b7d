// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Finds the processes that rules mean.
struct ProcessFinder {
    /// A process that is to be watched, and why.
    struct Found {
        var entry: ProcessEntry
        var rule: DaemonConfiguration.Rule
        /// Whether a rule means it itself, and not only a process that it descends from.
        var isMeant: Bool
    }

    let rules: [DaemonConfiguration.Rule]

    /// The processes that rules mean, each once, by the first rule that means it.
    ///
    /// - Parameter entries: the processes of the machine.
    func find(among entries: [ProcessEntry] = ProcessList.all()) -> [Found] {
        let table = ProcessTable(entries: entries, watcher: getpid())
        var seen: Set<Int32> = []
        var result: [Found] = []
        for rule in rules {
            var listeners: Set<Int32> = []
            if case .port(let port) = rule.selector {
                listeners = ListeningPorts.holders(
                    of: ListeningPorts.listeners(at: port),
                    among: table.entries.map(\.identifier)
                )
            }
            let meant = table.matches(rule.selector, listeners: listeners, unitOf: ProcessList.unit)
            let all = rule.followsChildren ? table.withDescendants(of: meant) : meant
            for entry in all where entry.isProgram && seen.insert(entry.identifier).inserted {
                let isMeant = meant.contains { $0.identifier == entry.identifier }
                result.append(Found(entry: entry, rule: rule, isMeant: isMeant))
            }
        }
        return result
    }

    /// Why a selector means no process: a sentence, or one that ends with the command that helps.
    static func reason(_ selector: ProcessSelector) -> String {
        switch selector {
        case .identifier(let identifier):
            if ProcessList.isHidden(identifier) { return RemoteProblem.hidden(identifier).description }
            guard let entry = ProcessList.entry(of: identifier), !entry.isProgram else {
                return "there is no process \(identifier)."
            }
            return "process \(identifier) runs no program: it has ended, or is a thread of the kernel."
        case .commandLine(let pattern): return "no process has '\(pattern)' in its command line" + hiding
        case .unit(let unit): return "no process belongs to the unit \(unit)" + hiding
        case .port(let port):
            let listeners = ListeningPorts.listeners(at: port)
            guard let first = listeners.first else { return "no process listens at port \(port)." }
            return "a process of user \(first.user) listens at port \(port), and who it is may not be seen; "
                + "run as that user, or grant with: \(RightsGrant.command(isOwner: false))"
        }
    }

    /// What to add where processes of other users are not shown at all.
    private static var hiding: String {
        guard ProcessList.hidesOthers else { return "." }
        return "; /proc hides those of other users (hidepid); grant with: \(RightsGrant.command(isOwner: false))"
    }
}
