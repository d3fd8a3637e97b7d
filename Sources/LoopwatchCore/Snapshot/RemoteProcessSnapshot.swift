// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is to be known of another process as a whole, beyond its loops and pools.
public struct RemoteProcessSnapshot: Sendable, Equatable {
    /// The process.
    public var process: RemoteProcessName
    /// How often a thread of it was held by ptrace(2), and for how long each time, so that its stack could be copied.
    public var stackStops = Histogram(edges: .hold)
    /// The same, so that its next wait was awaited; each is as long as it can have been.
    public var waitStops = Histogram(edges: .hold)
    /// System calls that a stop had cut short, and that were begun again, so that the program saw nothing of it.
    public var callsRestarted: UInt64 = 0
    /// System calls that a stop had cut short, and that could not be begun again: they failed with `EINTR`.
    public var callsInterrupted: UInt64 = 0
    /// Times that the process was stopped by others, as by `SIGSTOP` or a debugger.
    public var suspensions: UInt64 = 0
    /// For how long it was, in nanoseconds, all in all.
    public var suspendedNanoseconds: Int64 = 0

    /// Time between looks at loops in their wait of which each wait is not timed, in nanoseconds.
    public var lookNanoseconds: Int64 = 0

    /// Creates the picture of a process of which nothing is known yet.
    public init(process: RemoteProcessName) { self.process = process }

    /// Why a thread was held.
    public enum StopReason: Int, Sendable, CaseIterable {
        /// Its registers and a piece of its stack were copied.
        case stack
        /// Its next wait was awaited.
        case wait

        /// The label value.
        public var label: String {
            switch self {
            case .stack: "stack"
            case .wait: "wait"
            }
        }
    }

    /// How often and for how long a thread was held for a reason.
    public func stops(for reason: StopReason) -> Histogram {
        switch reason {
        case .stack: stackStops
        case .wait: waitStops
        }
    }
}
