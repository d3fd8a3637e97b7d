// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch

/// What the demo says last: what the watch has seen.
struct DemoSummary {
    private let stalls: UInt64
    private let blocked: [(target: String, nanoseconds: Int64)]

    /// Sums up a picture of the watch.
    init(_ snapshot: WatchSnapshot) {
        let targets =
            snapshot.loops.map { ($0.name, $0.statistics) } + snapshot.pools.map { ($0.name, $0.statistics) }
        stalls = targets.reduce(0) { sum, target in
            sum + target.1.stallsBySeverity.reduce(0, +) + (target.1.currentStallNanoseconds == nil ? 0 : 1)
        }
        blocked = targets.map { ($0.0, $0.1.blockedNanoseconds) }
    }

    /// One sentence.
    var text: String {
        let targets = blocked.map { "\($0.target) \(($0.nanoseconds + 500_000) / 1_000_000)ms" }
        return "\(stalls) \(stalls == 1 ? "stall" : "stalls") seen; blocked in all: \(targets.joined(separator: ", "))."
    }
}
