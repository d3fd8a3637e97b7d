// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Names of stacks that were looked for before a report wanted them.
struct PreparedNames: Sendable {
    private var names: [RawStack: Stack]
    /// Those of which all is known: asking once more, which takes two changes of threads, would tell no more.
    private var complete: Set<RawStack>

    /// Names of stacks.
    ///
    /// - Parameters:
    ///   - names: the stacks with their names.
    ///   - areComplete: whether that is all that can be found of them; else lines and inlined functions may be missing.
    init(_ names: [RawStack: Stack] = [:], areComplete: Bool = false) {
        self.names = names
        complete = areComplete ? Set(names.keys) : []
    }

    /// Adds newer names, but none that tell less.
    mutating func merge(_ newer: PreparedNames) {
        names.merge(newer.names.filter { newer.complete.contains($0.key) || !complete.contains($0.key) }) { $1 }
        complete.formUnion(newer.complete)
    }

    /// The names of some stacks, if those of each are known.
    func stacks(_ raw: [RawStack]) -> [Stack]? {
        let known = raw.compactMap { names[$0] }
        return known.count == raw.count ? known : nil
    }

    /// The same, if there is no more to be found of any of them.
    func completeStacks(_ raw: [RawStack]) -> [Stack]? {
        raw.allSatisfy(complete.contains) ? stacks(raw) : nil
    }
}
