// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What a host observes of itself, line by line.
public final class Observations: Sendable {
    private let lines = Mutex<[String]>([])

    /// Notes what must be the same whoever watches.
    func same(_ name: String, _ value: some Sendable) {
        lines.withLock { $0.append("= \(name): \(value)") }
    }

    /// Notes what depends on time, and must lie within bounds.
    func within(_ name: String, _ value: Double, _ bounds: ClosedRange<Double>) {
        lines.withLock { $0.append("~ \(name): \(value) in \(bounds.lowerBound)...\(bounds.upperBound)") }
    }

    /// All lines so far.
    public var text: String { lines.withLock { $0.joined(separator: "\n") } }
}

/// In which order things happened.
final class Trace: Sendable {
    private let steps = Mutex<[String]>([])

    func note(_ step: String) { steps.withLock { $0.append(step) } }

    /// The steps in order.
    var text: String { steps.withLock { $0.joined(separator: " ") } }
    /// How often each step happened.
    var counts: String {
        let steps = steps.withLock { $0 }
        return Dictionary(steps.map { ($0, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }
    var count: Int { steps.withLock { $0.count } }
}
