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

    /// When all of it was read: what it tells was so at some time between `observation.instant` and then.
    public var readBy: MonotonicInstant

    /// Creates a look.
    ///
    /// - Parameters:
    ///   - observation: what was seen, with the time before it was read.
    ///   - readBy: the time after it was read; `nil` if that took no time.
    ///   - isStopped: whether the process is stopped.
    ///   - isArmed: whether the next entry is awaited.
    public init(
        observation: Observation,
        readBy: MonotonicInstant? = nil,
        isStopped: Bool = false,
        isArmed: Bool = false
    ) {
        self.observation = observation
        self.readBy = readBy ?? observation.instant
        self.isStopped = isStopped
        self.isArmed = isArmed
    }
}
