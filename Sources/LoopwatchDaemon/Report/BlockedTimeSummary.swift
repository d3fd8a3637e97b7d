// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Blocked time by culprit, and what else the logs say.
struct BlockedTimeSummary: Equatable {
    /// What blocked: all stalls at one place.
    struct Culprit: Equatable {
        /// Function, file and line; or in parentheses what is known instead.
        var place: String
        /// Stalls.
        var stalls = 0
        /// Blocked time, in nanoseconds.
        var nanoseconds: Int64 = 0
        /// The longest stall, in nanoseconds.
        var longestNanoseconds: Int64 = 0
        /// Stalls whose end the logs do not have; of them the length counts that was last told.
        var unfinished = 0
        /// Blocked time by cause, in nanoseconds.
        var causes: [String: Int64] = [:]
        /// Blocked time by target, in nanoseconds.
        var targets: [String: Int64] = [:]
        /// When the first began, in Unix nanoseconds.
        var firstUnixNanoseconds = Int64.max
        /// When the latest was told of last, in Unix nanoseconds.
        var lastUnixNanoseconds = Int64.min

        /// The causes, that of the most time first.
        var causesByTime: [(name: String, nanoseconds: Int64)] { Self.byTime(causes) }
        /// The targets, that of the most time first.
        var targetsByTime: [(name: String, nanoseconds: Int64)] { Self.byTime(targets) }

        private static func byTime(_ times: [String: Int64]) -> [(name: String, nanoseconds: Int64)] {
            times.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { ($0.key, $0.value) }
        }
    }

    /// The culprits, the one with the most blocked time first.
    var culprits: [Culprit] = []
    /// All stalls.
    var stalls = 0
    /// All blocked time, in nanoseconds.
    var nanoseconds: Int64 = 0
    /// Stalls that were not written because of the rate limit; their time is not known.
    var suppressed: UInt64 = 0
    /// Times at which a whole process stood still or got no CPU, which no code is blamed for.
    var interruptions = 0
    /// How long that was in all, in nanoseconds.
    var interruptedNanoseconds: Int64 = 0
    /// When the first stall began, in Unix nanoseconds; `nil` without any.
    var firstUnixNanoseconds: Int64?
    /// When the latest was told of last, in Unix nanoseconds; `nil` without any.
    var lastUnixNanoseconds: Int64?

    /// Sums up.
    ///
    /// - Parameters:
    ///   - log: the stalls.
    ///   - since: those that were over before are left out, in Unix nanoseconds.
    ///   - until: those that began later are left out, in Unix nanoseconds.
    init(_ log: StallLog, since: Int64? = nil, until: Int64? = nil) {
        var culprits: [String: Culprit] = [:]
        for stall in Self.selected(log, since: since, until: until) {
            let record = stall.record
            suppressed = suppressed.sum(stall.suppressed)
            guard record.kind != .interruption else {
                interruptions += 1
                interruptedNanoseconds = Self.sum(interruptedNanoseconds, record.nanoseconds)
                continue
            }
            stalls += 1
            nanoseconds = Self.sum(nanoseconds, record.nanoseconds)
            firstUnixNanoseconds = min(firstUnixNanoseconds ?? .max, record.beganUnixNanoseconds)
            lastUnixNanoseconds = max(lastUnixNanoseconds ?? .min, stall.lastUnixNanoseconds)
            let place = Self.place(of: stall)
            culprits[place, default: Culprit(place: place)].add(stall)
        }
        self.culprits = culprits.values.sorted {
            ($0.nanoseconds, $0.longestNanoseconds, $1.place) > ($1.nanoseconds, $1.longestNanoseconds, $0.place)
        }
    }

    /// The stalls of a time.
    static func selected(_ log: StallLog, since: Int64?, until: Int64?) -> [StallLog.Stall] {
        guard since != nil || until != nil else { return log.stalls }
        return log.stalls.filter {
            $0.lastUnixNanoseconds >= since ?? .min && $0.record.beganUnixNanoseconds <= until ?? .max
        }
    }

    /// The part of all blocked time, 0 to 1.
    func share(of culprit: Culprit) -> Double {
        nanoseconds > 0 ? Double(culprit.nanoseconds) / Double(nanoseconds) : 0
    }

    private static func place(of stall: StallLog.Stall) -> String {
        if let place = stall.place { return place }
        return stall.record.kind == .congestion ? "(very many short jobs)" : "(no stack)"
    }

    fileprivate static func sum(_ first: Int64, _ second: Int64) -> Int64 { first.sum(second) }
}

extension FixedWidthInteger {
    /// The sum with a number that is not negative, or the largest there is: what a log says may be anything.
    func sum(_ second: Self) -> Self {
        let (sum, overflows) = addingReportingOverflow(second)
        return overflows ? .max : sum
    }
}

extension BlockedTimeSummary.Culprit {
    fileprivate mutating func add(_ stall: StallLog.Stall) {
        let record = stall.record
        stalls += 1
        nanoseconds = BlockedTimeSummary.sum(nanoseconds, record.nanoseconds)
        longestNanoseconds = max(longestNanoseconds, record.nanoseconds)
        if record.state != .ended { unfinished += 1 }
        causes[record.cause] = BlockedTimeSummary.sum(causes[record.cause] ?? 0, record.nanoseconds)
        let target = record.qualifiedTarget
        targets[target] = BlockedTimeSummary.sum(targets[target] ?? 0, record.nanoseconds)
        firstUnixNanoseconds = min(firstUnixNanoseconds, record.beganUnixNanoseconds)
        lastUnixNanoseconds = max(lastUnixNanoseconds, stall.lastUnixNanoseconds)
    }
}
