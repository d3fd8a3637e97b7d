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

/// Waits until the condition gives something, and throws an error that names it if it does not within the time.
///
/// The default is far beyond anything that a loaded machine does, so that only what never happens fails.
func eventually<Value>(_ what: String, within: Duration = .seconds(60), _ condition: () throws -> Value?) throws
    -> Value
{
    let deadline = Clock.now().advanced(byNanoseconds: within.wholeNanoseconds)
    while true {
        if let value = try condition() { return value }
        guard Clock.now() < deadline else { throw NeverHappened(description: "never happened: \(what)") }
        poll(nil, 0, 2)
    }
}

/// Waits until the condition holds, and throws an error that names it if it does not within the time.
func eventually(_ what: String, within: Duration = .seconds(60), _ condition: () throws -> Bool) throws {
    let _: Void = try eventually(what, within: within) { try condition() ? () : nil }
}
