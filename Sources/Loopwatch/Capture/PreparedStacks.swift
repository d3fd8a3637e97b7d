// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What was captured for reports that may be due before long.
///
/// A value; belongs to the desk's thread.
struct PreparedStacks {
    /// What was captured of one target.
    struct Prepared {
        /// Weak: what was never used must not keep a target that was removed.
        fileprivate weak var watched: WatchedTarget?
        fileprivate let number: UInt64
        fileprivate let token: ProgressToken?
        /// Of the threads that slept; their stacks when the report is due are newer.
        fileprivate(set) var asleep: [RawStack]
        /// Of those that computed: samples of the same job.
        fileprivate(set) var computing: [ThreadIdentifier: RawStack] = [:]
        /// What is known of both.
        fileprivate(set) var names = PreparedNames()

        fileprivate var count: Int { asleep.count + computing.count }

        /// Whether it was prepared for what another token tells of as well; without one, for the target as beats tell.
        fileprivate func isOfSame(as other: ProgressToken?) -> Bool {
            (token ?? .beat(0)).isOfSame(as: other ?? .beat(0))
        }
    }

    private var prepared: [Prepared] = []
    /// Stacks of which no report came since this was last taken.
    private var unused = 0

    /// Takes what was captured of threads that sleep; replaces what was prepared for the target before.
    mutating func add(_ preparation: Preparation, of watched: WatchedTarget, _ capture: StallCapture) {
        // Several jobs of a pool may be prepared for at once.
        forget { $0.watched == nil || $0.watched === watched && $0.isOfSame(as: capture.token) }
        if prepared.count == Limits.preparationsKept { unused += prepared.removeFirst().count }
        prepared.append(
            Prepared(watched: watched, number: preparation.number, token: capture.token, asleep: capture.stacks)
        )
    }

    /// Takes the stack of a thread that computes; returns false if nobody prepares for that any more.
    mutating func add(_ stack: RawStack, of thread: ThreadIdentifier, _ watched: WatchedTarget, token: ProgressToken?)
        -> Bool
    {
        guard let index = prepared.firstIndex(where: { $0.watched === watched && $0.token == token }) else {
            return false
        }
        prepared[index].computing[thread] = stack
        return true
    }

    /// Takes the names of stacks that were added, as far as they are known.
    mutating func add(_ names: PreparedNames, of watched: WatchedTarget) {
        for index in prepared.indices where prepared[index].watched === watched {
            prepared[index].names.merge(names)
        }
    }

    /// What was prepared for a report; what was prepared for an earlier job of a loop is forgotten.
    mutating func take(for draft: ReportDraft, of watched: WatchedTarget, token: ProgressToken?) -> Prepared? {
        guard let index = prepared.firstIndex(where: { $0.watched === watched && $0.isOfSame(as: token) }) else {
            return nil
        }
        let found = prepared.remove(at: index)
        guard found.number == draft.preparation, found.token == token else {
            unused += found.count
            return nil
        }
        return found
    }

    /// How many stacks were forgotten without use since the last call.
    mutating func takeUnused() -> Int {
        defer { unused = 0 }
        return unused
    }

    private mutating func forget(_ isForgotten: (Prepared) -> Bool) {
        prepared.removeAll { prepared in
            guard isForgotten(prepared) else { return false }
            unused += prepared.count
            return true
        }
    }
}
