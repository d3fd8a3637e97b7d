// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Blocked time by what the blocked threads were doing: stalls grouped by the fingerprint of their stacks.
///
/// Cumulative and never reset, so that any number of readers can take differences. Bounded: a full profile forgets the
/// group with the least blocked time, and keeps count of what it forgot. Blocked time without a stack is counted as well,
/// so that the profile says what it does not know: ``totalNanoseconds`` is all of it.
public struct StallProfile: Sendable, Equatable {
    /// Unix time from which on stalls are counted, in nanoseconds.
    public let beganUnixNanoseconds: Int64
    /// Most groups that are kept.
    public let capacity: Int
    /// Stalls whose stack could not be had.
    public private(set) var unattributedStalls: UInt64 = 0
    /// Blocked time without a stack, in nanoseconds.
    public private(set) var unattributedNanoseconds: Int64 = 0
    /// Groups that were forgotten because there were too many; one that comes back and goes again counts twice.
    public private(set) var evictedGroups: UInt64 = 0
    /// Stalls of the groups that were forgotten.
    public private(set) var evictedStalls: UInt64 = 0
    /// Blocked time of the groups that were forgotten, in nanoseconds.
    public private(set) var evictedNanoseconds: Int64 = 0

    private var entries: [UInt64: Entry] = [:]
    /// Groups that were ever added: the clock of the probation.
    private var additions: UInt64 = 0

    /// Creates an empty profile.
    ///
    /// - Parameters:
    ///   - beganUnixNanoseconds: Unix time from which on stalls are counted, in nanoseconds.
    ///   - capacity: most groups that are kept, at least 1.
    public init(beganUnixNanoseconds: Int64 = 0, capacity: Int = Limits.profileStacks) {
        self.beganUnixNanoseconds = beganUnixNanoseconds
        self.capacity = max(1, capacity)
    }

    /// Groups that are kept.
    public var count: Int { entries.count }

    /// Blocked time of all stalls ever recorded, with a stack and without, in nanoseconds.
    public var totalNanoseconds: Int64 {
        entries.values.reduce(unattributedNanoseconds.addingSaturated(evictedNanoseconds)) {
            $0.addingSaturated($1.totalNanoseconds)
        }
    }

    /// All stalls ever recorded, with a stack and without.
    public var totalStalls: UInt64 {
        entries.values.reduce(unattributedStalls &+ evictedStalls) { $0 &+ $1.stalls }
    }

    /// The group with a fingerprint; `nil` if there is none, or none any more.
    public subscript(fingerprint: UInt64) -> Entry? { entries[fingerprint] }

    /// The groups with the most blocked time, the most first; equal ones in an order that does not change.
    public func top(_ count: Int = .max) -> [Entry] {
        let sorted = entries.values.sorted {
            ($0.totalNanoseconds, $0.longestNanoseconds, $0.fingerprint)
                > ($1.totalNanoseconds, $1.longestNanoseconds, $1.fingerprint)
        }
        return Array(sorted.prefix(max(0, count)))
    }

    /// Counts one sample of a stall.
    ///
    /// - Parameters:
    ///   - stack: what the blocked thread was doing.
    ///   - subject: what kind of thing was blocked.
    ///   - target: its name.
    ///   - cause: why, as far as it is known by now.
    ///   - nanoseconds: the part of the blocked time that the sample stands for; negative counts as none.
    ///   - isNewStall: whether it is the first sample of its stall.
    ///   - stallNanoseconds: length of the stall so far, for the longest.
    ///   - unixNanoseconds: Unix time of the sample.
    public mutating func record(
        stack: Stack,
        subject: StallReport.Subject,
        target: String,
        cause: Cause,
        nanoseconds: Int64,
        isNewStall: Bool,
        stallNanoseconds: Int64,
        unixNanoseconds: Int64
    ) {
        let fingerprint = stack.fingerprint
        if entries[fingerprint] == nil {
            if entries.count >= capacity { evict() }
            additions &+= 1
            entries[fingerprint] = Entry(
                fingerprint: fingerprint,
                stack: stack,
                firstUnixNanoseconds: unixNanoseconds
            )
        }
        entries[fingerprint]?.add(
            stack: stack,
            share: .init(subject: subject, target: target, cause: cause.label),
            nanoseconds: max(0, nanoseconds),
            isNewStall: isNewStall,
            stallNanoseconds: stallNanoseconds,
            unixNanoseconds: unixNanoseconds
        )
        entries[fingerprint]?.latestAddition = additions
    }

    /// Counts blocked time for which there is no stack.
    ///
    /// - Parameters:
    ///   - nanoseconds: the blocked time; negative counts as none.
    ///   - isNewStall: whether nothing of the stall was counted before.
    public mutating func recordUnattributed(nanoseconds: Int64, isNewStall: Bool) {
        unattributedNanoseconds = unattributedNanoseconds.addingSaturated(max(0, nanoseconds))
        if isNewStall { unattributedStalls &+= 1 }
    }

    /// Forgets the group with the least blocked time among those that had their chance.
    ///
    /// By blocked time alone, a new group would be the first to go while many stacks that never come back flood the
    /// profile, and what is slow only from now on would never be seen. So a group is safe while fewer groups than an
    /// eighth of the capacity were added since it was last recorded.
    private mutating func evict() {
        let additions = additions
        let probation = UInt64(capacity / 8)
        func isLess(_ first: Entry, _ second: Entry) -> Bool {
            (first.totalNanoseconds, first.latestAddition, first.fingerprint)
                < (second.totalNanoseconds, second.latestAddition, second.fingerprint)
        }
        let ripe = entries.values.lazy.filter { additions &- $0.latestAddition >= probation }
        guard let least = ripe.min(by: isLess) ?? entries.values.min(by: isLess) else { return }
        entries[least.fingerprint] = nil
        evictedGroups &+= 1
        evictedStalls &+= least.stalls
        evictedNanoseconds = evictedNanoseconds.addingSaturated(least.totalNanoseconds)
    }
}

extension Int64 {
    /// The sum, or the highest value where it would be higher.
    func addingSaturated(_ other: Int64) -> Int64 {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? (other < 0 ? .min : .max) : sum
    }
}
