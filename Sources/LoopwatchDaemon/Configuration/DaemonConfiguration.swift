// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// What the daemon is told to do.
struct DaemonConfiguration: Sendable {
    /// One kind of process to watch.
    struct Rule: Sendable, Equatable {
        /// Which processes.
        var selector: ProcessSelector
        /// What to call them; `nil` for the name of the program.
        var name: String?
        /// From which lengths on their loops and pools are reported; `nil` for those of the daemon.
        var thresholds: Thresholds?
        /// Whether their children are watched too.
        var followsChildren = true
    }

    /// The watch itself: log, endpoint, limits and what holds for all processes.
    var watch: WatchConfiguration
    /// What to watch.
    var rules: [Rule]

    /// How the daemon's own watch begins: it watches nothing of its own process.
    static var watchBase: WatchConfiguration {
        var base = WatchConfiguration()
        base.processName = "loopwatch"
        base.watchesGlobalExecutor = false
        base.poolAccounting = .off
        base.stackCapture = .off
        base.loopsLimit = Limits.loopsMaximum
        base.poolsLimit = Limits.poolsMaximum
        return base
    }

    /// How the processes of a rule are watched.
    func options(of rule: Rule) -> AttachedProcess.Options {
        AttachedProcess.Options(thresholds: rule.thresholds ?? watch.thresholds)
    }

    // MARK: Reloading

    /// Keys whose values differ from those of the configuration before, and that the watch takes at its start only.
    func keysForRestart(since old: DaemonConfiguration) -> [String] {
        let differences = [
            ("listen", watch.endpoint != old.watch.endpoint),
            ("allow_remote", watch.allowsRemoteAccess != old.watch.allowsRemoteAccess),
            ("allowed_hosts", watch.allowedHosts != old.watch.allowedHosts),
            ("log", watch.log.map(\.path) != old.watch.log.map(\.path)),
            ("report_burst", watch.reportBurst != old.watch.reportBurst),
            ("loops_limit", watch.loopsLimit != old.watch.loopsLimit),
            ("pools_limit", watch.poolsLimit != old.watch.poolsLimit),
        ]
        return differences.filter(\.1).map(\.0)
    }

    /// Takes from another configuration what holds at once; the rest stays as the watch was started with.
    mutating func take(_ new: DaemonConfiguration) {
        rules = new.rules
        watch.thresholds = new.watch.thresholds
    }
}

extension LogDestination {
    /// What tells destinations of a configuration apart.
    fileprivate var path: String? {
        if case .file(let path) = self { return path }
        return nil
    }
}
