// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts what several threads do.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    /// How often it was done.
    var value: Int { count.load(ordering: .relaxed) }

    /// Counts once more.
    func increment() { count.add(1, ordering: .relaxed) }
}
