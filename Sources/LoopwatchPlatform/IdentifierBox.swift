// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Synchronization

/// Hands a new thread's number to the thread that started it.
final class IdentifierBox: Sendable {
    private let value = Atomic<Int32>(0)

    /// Publishes the number, once.
    func fulfill(_ identifier: ThreadIdentifier) {
        value.store(identifier, ordering: .releasing)
    }

    /// Waits for the number; the new thread publishes it as its first act, so the wait is a matter of microseconds.
    func wait() -> ThreadIdentifier {
        while true {
            let identifier = value.load(ordering: .acquiring)
            if identifier != 0 { return identifier }
            sched_yield()
        }
    }
}
