// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What one look at the thread of another process's loop told, without touching it.
public struct LoopLook: Sendable, Equatable {
    /// When, what the thread did, and what its clocks gained since the look before.
    ///
    /// `progress` is `free` for a thread in its wait, `busy` for one that is not, and `unknown` where the kernel does
    /// not tell.
    public var observation: Observation
    /// Whether the process is stopped, as by `SIGSTOP` or a debugger.
    public var isStopped: Bool
    /// Whether the next entry to the wait is awaited at this look, and was at the look before without a gap in between if
    /// that says so as well.
    public var isArmed: Bool

    /// Creates a look.
    public init(observation: Observation, isStopped: Bool = false, isArmed: Bool = false) {
        self.observation = observation
        self.isStopped = isStopped
        self.isArmed = isArmed
    }
}
