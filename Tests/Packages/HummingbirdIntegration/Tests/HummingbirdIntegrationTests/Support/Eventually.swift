// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch

/// What was awaited did not come in time.
struct DeadlineError: Error, CustomStringConvertible {
    /// What was awaited.
    var awaited: String
    /// How long.
    var limit: Duration
    /// What there was instead.
    var instead: String

    /// A sentence for the test's failure.
    var description: String { "waited \(limit) in vain for \(awaited); there was: \(instead)" }
}

/// The longest that any step of a test may take; far longer than it should, so that only what hangs fails.
let stepLimit = Duration.seconds(30)

/// Waits on the calling thread until a value is there; call it on a thread of the test's own.
///
/// - Parameters:
///   - awaited: what is awaited, for the failure.
///   - limit: how long at most.
///   - instead: what there is instead, for the failure.
///   - value: gives the value, or `nil` for as long as it is not there.
/// - Throws: ``DeadlineError``, or what `value` throws.
func eventually<Value>(
    _ awaited: String,
    within limit: Duration = stepLimit,
    instead: () -> String = { "nothing" },
    _ value: () throws -> Value?
) throws -> Value {
    let deadline = SuspendingClock.now + limit
    while true {
        if let value = try value() { return value }
        guard SuspendingClock.now < deadline else {
            throw DeadlineError(awaited: awaited, limit: limit, instead: instead())
        }
        usleep(2_000)
    }
}
