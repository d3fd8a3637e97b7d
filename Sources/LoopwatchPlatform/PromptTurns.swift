// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Turns before those of the host that a thread can give back, and ask for again.
///
/// Belongs to the thread that created it, an ``OwnThread`` with other turns.
package struct PromptTurns {
    private static let ofThread = __priority_which_t(PRIO_PROCESS.rawValue)
    /// What the thread has without.
    private let niceness: CInt
    private let turns: ThreadTurns
    private var isHeld = true

    /// Asks for turns.
    package init(_ turns: ThreadTurns = .prompt) {
        self.turns = turns
        niceness = getpriority(Self.ofThread, id_t(OwnThread.currentIdentifier))
        turns.request()
    }

    /// Asks for them, or gives them back; costs nothing where nothing changes.
    package mutating func hold(_ isHeld: Bool) {
        guard isHeld != self.isHeld else { return }
        self.isHeld = isHeld
        guard !isHeld else { return turns.request() }
        setpriority(Self.ofThread, id_t(OwnThread.currentIdentifier), niceness)
        ThreadTurns.short.request()
    }
}
