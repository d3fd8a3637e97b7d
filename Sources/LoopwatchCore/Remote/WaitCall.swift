// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// The system call in which a loop waits for work, and on what.
public struct WaitCall: Sendable, Hashable {
    /// The kernel's number of the call.
    public var number: Int
    /// Its first argument: the epoll descriptor, or the address of the set of descriptors.
    ///
    /// A loop that blocks may wait in the same call on another descriptor meanwhile, as Node's `execSync` does.
    public var descriptor: UInt64

    /// Creates a wait.
    public init(number: Int, descriptor: UInt64) {
        self.number = number
        self.descriptor = descriptor
    }
}

/// What the kernel timed of a loop's wait.
public enum WaitEdge: Sendable, Equatable {
    /// The thread entered a system call at the place where the loop waits.
    case entered(WaitCall, at: MonotonicInstant)
    /// A call from there returned: with the number of events, or a negative error number.
    case returned(Int64, at: MonotonicInstant)
    /// Edges up to this instant were lost.
    case lost(at: MonotonicInstant)

    /// When it was.
    public var instant: MonotonicInstant {
        switch self {
        case .entered(_, let instant), .returned(_, let instant), .lost(let instant): instant
        }
    }
}
