// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform

/// What did not happen in time.
struct NeverHappened: Error, CustomStringConvertible {
    /// What was waited for.
    let description: String
}

/// Waits until the condition holds, and throws an error that names it if it does not within a minute.
func eventually(_ what: String, _ condition: () throws -> Bool) throws {
    let deadline = Clock.now().advanced(byNanoseconds: 60_000_000_000)
    while try !condition() {
        guard Clock.now() < deadline else { throw NeverHappened(description: "never happened: \(what)") }
        poll(nil, 0, 2)
    }
}
