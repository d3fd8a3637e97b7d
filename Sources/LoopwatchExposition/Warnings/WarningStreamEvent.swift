// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What the live tail of warnings says besides warnings.
package enum WarningStreamEvent: Sendable, Equatable {
    /// Warnings are missing at this place; how many, where that is known.
    case gap(missed: UInt64?)
    /// The stream is alive, though nothing happened.
    case heartbeat(unixNanoseconds: Int64)
    /// The stream ends because Loopwatch stops.
    case end

    /// The event's name.
    package var name: String {
        switch self {
        case .gap: "gap"
        case .heartbeat: "heartbeat"
        case .end: "end"
        }
    }
}
