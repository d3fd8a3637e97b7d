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
}
