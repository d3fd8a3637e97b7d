// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How much of Swift's global executor is accounted, best first.
public enum PoolAccounting: String, Sendable, CaseIterable {
    /// Every job: when it was enqueued, began and ended, and on which thread.
    case exact
    /// Every run; waits only of jobs that pass the runtime's hooks, which half of them do not. Beats as well.
    case runs
    /// Only how many jobs pass the runtime's hook. Beats as well.
    case enqueues
    /// Nothing: the executor is watched by beats, which only sample it.
    case off

    /// The label value.
    public var label: String { self == .off ? "beats" : rawValue }
}

/// How the global executor is accounted now, and why not better.
public struct PoolAccountingStatus: Sendable, Equatable {
    /// How.
    public var mode: PoolAccounting
    /// Why not exactly, in words; `nil` if it is.
    public var reason: String?
    /// Whether that is settled, and not only until a probe has run.
    public var isSettled: Bool

    /// Creates a status.
    public init(mode: PoolAccounting, reason: String? = nil, isSettled: Bool = true) {
        self.mode = mode
        self.reason = reason
        self.isSettled = isSettled
    }
}
