// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Which of the stacks that were captured for a report are to blame.
struct Blame: Sendable {
    /// Whether the threads are some of a pool's, of which it is not known whether they hold it.
    private let mayBeIdle: Bool

    /// Of threads that are known to hold their target.
    static let ofKnownThreads = Blame(mayBeIdle: false)

    private init(mayBeIdle: Bool) { self.mayBeIdle = mayBeIdle }

    init(_ draft: ReportDraft, _ target: WatchTarget) {
        // Accounting knows the threads, unless work that it does not see has them; a loop has only one.
        let isKnown = draft.pool.map { $0.kind != .takenByOthers } ?? (target.subject != .pool)
        mayBeIdle = !isKnown
    }

    /// Those to blame: threads that are in no code of the host, such as workers that wait for work, only if all are, and if
    /// they are known to hold the target.
    func stacks(_ stacks: [Stack]) -> [Stack] {
        let inHost = stacks.filter { $0.blamedIndex != nil }
        guard inHost.isEmpty else { return inHost }
        return mayBeIdle ? stacks.filter { !Self.isIdle($0) } : stacks
    }

    /// Whether a thread is in no code but the system's; not of one whose outer frames, or whose modules, are not known.
    private static func isIdle(_ stack: Stack) -> Bool {
        !stack.isTruncated && stack.frames.allSatisfy { $0.origin != .host && $0.origin != .unknown }
    }

    /// What is said where nobody is to blame.
    static let onlyIdle = "its threads that are known wait for work, and those that hold it were not found"
}
