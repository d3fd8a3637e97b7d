// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How far a watch of other processes has come: what a service manager and whoever asks it are told.
struct WatchProgress: Equatable {
    /// Processes that are watched.
    var processes = 0
    /// Loops that were found in them.
    var loops = 0
    /// Pools that were found in them.
    var pools = 0
    /// Processes that have not been looked at for the first time yet.
    var unseen = 0
    /// Processes whose watching thread has not looked for much longer than it meant to.
    var standing: [String] = []
    /// Whether the latest configuration was refused, so that an earlier one holds.
    var isReloadRefused = false

    /// Whether anything that is to be watched is looked at: one process that cannot be read holds up no other.
    var isAnyLookedAt: Bool { processes == 0 || standing.count < processes }

    /// One plain line.
    var text: String {
        var text = "Watching "
        if processes == 0 {
            text += "for processes to come"
        } else {
            text += Self.count(processes, "process", "processes")
            text += ": " + Self.count(loops, "loop", "loops")
            if pools > 0 { text += ", " + Self.count(pools, "pool", "pools") }
        }
        if !standing.isEmpty { text += "; \(standing.count) of them held up" }
        if isReloadRefused { text += "; the latest configuration was refused, see the log" }
        return text
    }

    private static func count(_ number: Int, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}
