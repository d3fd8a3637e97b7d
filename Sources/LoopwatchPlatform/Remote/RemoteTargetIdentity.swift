// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// A loop or pool of another process; two are the same if they have the same number.
package struct RemoteTargetIdentity: Sendable, Hashable {
    /// Number of it within the watch of its process, from 1.
    package let number: Int
    /// What it is called: `main`, the name of its thread, or that of a kind of pool.
    package let name: String
    /// What kind of thing it is.
    package let subject: StallReport.Subject
    /// Its threads at the time when it was found.
    package let threads: [Int32]
    /// What it is, for people.
    package let description: String
    /// By which means it was watched when it was found.
    package let rung: EvidenceRung

    /// Compares the numbers.
    package static func == (left: RemoteTargetIdentity, right: RemoteTargetIdentity) -> Bool {
        left.number == right.number
    }

    /// Hashes the number.
    package func hash(into hasher: inout Hasher) { hasher.combine(number) }
}
