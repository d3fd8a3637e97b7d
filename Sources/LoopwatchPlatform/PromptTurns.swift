// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Prompt turns that a thread can give back, and ask for again.
///
/// Belongs to the thread that created it, an ``OwnThread`` with other turns.
package struct PromptTurns {
    private static let ofThread = __priority_which_t(PRIO_PROCESS.rawValue)
    /// What the thread has without.
    private let niceness: CInt
    private var isHeld = true

    /// Asks for prompt turns.
    package init() {
        niceness = getpriority(Self.ofThread, id_t(OwnThread.currentIdentifier))
        ThreadTurns.prompt.request()
    }

    /// Asks for them, or gives them back; costs nothing where nothing changes.
    package mutating func hold(_ isHeld: Bool) {
        guard isHeld != self.isHeld else { return }
        self.isHeld = isHeld
        guard !isHeld else { return ThreadTurns.prompt.request() }
        setpriority(Self.ofThread, id_t(OwnThread.currentIdentifier), niceness)
        ThreadTurns.short.request()
    }
}
