// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension StallProfile {
    /// The stalls whose stacks went through the same functions.
    public struct Entry: Sendable, Equatable {
        /// What names the group: ``Stack/fingerprint``.
        public let fingerprint: UInt64
        /// One stack of the group, that of its longest stall: the lines of the others may differ.
        public private(set) var stack: Stack
        /// Stalls in the group.
        public private(set) var stalls: UInt64 = 0
        /// Samples in the group; a long stall has several.
        public private(set) var samples: UInt64 = 0
        /// Blocked time, in nanoseconds.
        public private(set) var totalNanoseconds: Int64 = 0
        /// Length of the longest stall, in nanoseconds.
        public private(set) var longestNanoseconds: Int64 = 0
        /// Unix time of the first sample, in nanoseconds.
        public private(set) var firstUnixNanoseconds: Int64
        /// Unix time of the latest sample, in nanoseconds.
        public private(set) var lastUnixNanoseconds: Int64
        /// What was blocked and why, each with its part of the time, in the order in which they were first seen.
        ///
        /// At most ``Limits/profileShares``, and beyond them one for each cause, whose target is `nil`.
        public private(set) var shares: [Share] = []
        /// How many groups had been added to the profile when this one was last recorded.
        var latestAddition: UInt64 = 0

        init(fingerprint: UInt64, stack: Stack, firstUnixNanoseconds: Int64) {
            self.fingerprint = fingerprint
            self.stack = stack
            self.firstUnixNanoseconds = firstUnixNanoseconds
            lastUnixNanoseconds = firstUnixNanoseconds
        }

        /// The fingerprint as 16 hexadecimal digits.
        public var identifier: String { Stack.identifier(of: fingerprint) }

        /// Names of the targets that were blocked, in the order in which they were first seen.
        public var targets: [String] {
            shares.reduce(into: []) { targets, share in
                if let target = share.target, !targets.contains(target) { targets.append(target) }
            }
        }

        /// Blocked nanoseconds by the label of the cause, the most first.
        public var causes: [(label: String, nanoseconds: Int64)] {
            var causes: [(label: String, nanoseconds: Int64)] = []
            for share in shares {
                if let index = causes.firstIndex(where: { $0.label == share.cause }) {
                    causes[index].nanoseconds = causes[index].nanoseconds.addingSaturated(share.nanoseconds)
                } else {
                    causes.append((share.cause, share.nanoseconds))
                }
            }
            return causes.sorted { ($0.nanoseconds, $1.label) > ($1.nanoseconds, $0.label) }
        }

        mutating func add(
            stack: Stack,
            share: Share,
            nanoseconds: Int64,
            isNewStall: Bool,
            stallNanoseconds: Int64,
            unixNanoseconds: Int64
        ) {
            if stallNanoseconds > longestNanoseconds {
                longestNanoseconds = stallNanoseconds
                self.stack = stack
            }
            samples &+= 1
            if isNewStall { stalls &+= 1 }
            totalNanoseconds = totalNanoseconds.addingSaturated(nanoseconds)
            // The clock of the day can be set back.
            firstUnixNanoseconds = min(firstUnixNanoseconds, unixNanoseconds)
            lastUnixNanoseconds = max(lastUnixNanoseconds, unixNanoseconds)
            let index = indexOfShare(share)
            shares[index].nanoseconds = shares[index].nanoseconds.addingSaturated(nanoseconds)
            if isNewStall { shares[index].stalls &+= 1 }
        }

        /// Finds the share that a sample belongs to, or adds one; the last of a full list are for all other targets.
        private mutating func indexOfShare(_ share: Share) -> Int {
            if let index = shares.firstIndex(where: { $0.isSame(as: share) }) { return index }
            var added = share
            if shares.count(where: { $0.target != nil }) >= Limits.profileShares {
                added.target = nil
                if let index = shares.firstIndex(where: { $0.isSame(as: added) }) { return index }
            }
            shares.append(added)
            return shares.count - 1
        }
    }

    /// The part of a group's time in which one target was blocked for one cause.
    public struct Share: Sendable, Equatable {
        /// What kind of thing was blocked.
        public var subject: StallReport.Subject
        /// Its name; `nil` for the targets beyond ``Limits/profileShares``, taken together.
        public var target: String?
        /// Why: a ``Cause/label``.
        public var cause: String
        /// Stalls.
        public var stalls: UInt64 = 0
        /// Blocked time, in nanoseconds.
        public var nanoseconds: Int64 = 0

        /// Whether time of the one is to be added to the other; those of all other targets are not told apart by subject.
        func isSame(as other: Share) -> Bool {
            target == other.target && cause == other.cause && (target == nil || subject == other.subject)
        }
    }
}

extension Stack {
    /// A fingerprint as text: 16 hexadecimal digits.
    public static func identifier(of fingerprint: UInt64) -> String {
        let digits = String(fingerprint, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The fingerprint that a text of 16 hexadecimal digits names; `nil` for any other text.
    public static func fingerprint(ofIdentifier text: String) -> UInt64? {
        guard text.utf8.count == 16, text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
        return UInt64(text, radix: 16)
    }
}
