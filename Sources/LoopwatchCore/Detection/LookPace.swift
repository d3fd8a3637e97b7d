// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How much further apart than they might be the looks at targets are that are busy and answer, so that whoever looks keeps to
/// a share of a CPU.
///
/// A value: what was used in about a second goes in, a factor comes out. What a look costs depends on the machine and on what
/// others leave in its caches, and how many there are on the targets: neither is known beforehand. A target that is suspect is
/// looked at once a resolution in any case.
public struct LookPace: Sendable, Equatable {
    /// The factor: 1 or more.
    public private(set) var stretch = 1.0
    /// The share of one CPU that is kept to.
    public let shareMost: Double

    /// Changes that are smaller than this are left alone, so that the factor comes to rest.
    private static let deadZone = 0.8
    /// Most by which the factor grows at once: one second may have been unlike the others.
    private static let growthMost = 2.0
    /// Least that remains of the factor at once: load that comes and goes finds the pace that it needs, and a second without any,
    /// in which there is nothing to look at often, does not undo it.
    private static let fallMost = 0.95

    /// Creates a pace at which looks are as close as they might be.
    public init(shareMost: Double = Limits.watchdogCPUShareMost) {
        self.shareMost = shareMost
    }

    /// Takes what the watchdog used.
    ///
    /// - Parameters:
    ///   - cpuNanoseconds: CPU time of the thread that looks since the last call.
    ///   - elapsedNanoseconds: time since the last call.
    ///   - hasReported: whether blocks were captured meanwhile. That costs CPU time too, but looking less often would not save
    ///     it, and would tell less of just these blocks.
    public mutating func take(cpuNanoseconds: Int64, elapsedNanoseconds: Int64, hasReported: Bool) {
        guard elapsedNanoseconds > 0 else { return }
        let share = Double(cpuNanoseconds) / Double(elapsedNanoseconds)
        let change = share / shareMost
        if change > 1 {
            guard !hasReported else { return }
            stretch = min(Self.stretchMost, stretch * min(change, Self.growthMost))
        } else if change < Self.deadZone {
            stretch = max(1, stretch * max(change / Self.deadZone, Self.fallMost))
        }
    }

    /// Highest factor.
    private static let stretchMost = 5.0
}
