// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// What was captured of the stalls that go on, so that the report of the end names the code as well, and the profile gets
/// each stretch of blocked time once.
struct EpisodeStacks: Sendable {
    /// What a report is given.
    struct Found: Sendable {
        var stack: Stack?
        /// Of a pool, what its threads are at.
        var groups: [StackGroup] = []
        var omitted: String?
        var causeDetail: String?
        /// What the time since the report before belongs to; several for a pool.
        var raw: [RawStack] = []
        /// That time, in nanoseconds.
        var nanoseconds: Int64 = 0
        /// Whether this is the first that is said of the stall.
        var isFirst = false
        /// Whether that time is left to the next report, because a stack for it is still being taken.
        var isDeferred = false
        /// Which of them are to blame.
        var blame = Blame.ofKnownThreads

        /// Whether it is known which function is to blame, and not at which line: that may still be being read.
        var lacksLine: Bool { stack?.blamed?.origin == .host && stack?.blamed?.line == nil }

        /// Takes the names of what was captured.
        mutating func name(_ stacks: [Stack]) {
            guard !stacks.isEmpty else { return }
            let toBlame = blame.stacks(stacks)
            stack = EpisodeStacks.mostFrequent(toBlame)
            groups = StackGroup.groups(of: toBlame)
            omitted = stack == nil ? Blame.onlyIdle : nil
        }
    }

    private struct Key: Hashable {
        var subject: StallReport.Subject
        var target: String
        var episode: UInt64
    }

    private struct Record: Sendable {
        var raw: [RawStack] = []
        var stacks: [Stack] = []
        /// Whether the names are those of an earlier capture, because the latest one's are still being read.
        var areNamesEarlier = false
        var omitted: String?
        var causeDetail: String?
        var accountedNanoseconds: Int64 = 0
        /// Whether any time of it was given out.
        var isCounted = false
        /// Whether the first stack is still being taken.
        var isAwaited = false
        /// Of a loop in another process: what it was found at, each time.
        var samples = StackSamples()
    }

    private var records: [Key: Record] = [:]

    /// What is said of a stall that ended before anything was captured.
    static let endedBefore = "it ended before the thread could be looked at"

    /// Notes what was captured for a report, and returns what to say.
    ///
    /// - Parameters:
    ///   - draft: the report.
    ///   - target: what is blocked.
    ///   - stacks: the captured stacks, with names; empty at the end, and where nothing could be captured.
    ///   - capture: why nothing could be, and what the system call is about.
    mutating func note(_ draft: ReportDraft, _ target: WatchTarget, stacks: [Stack], _ capture: StallCapture) -> Found {
        let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
        let known = records[key]
        var record = known ?? Record()
        if !capture.stacks.isEmpty {
            // What the same block was at before is better than nothing.
            record.areNamesEarlier = record.raw != capture.stacks || record.areNamesEarlier
            record.raw = capture.stacks
        }
        let blame = Blame(draft, target)
        if !stacks.isEmpty {
            record.areNamesEarlier = false
            record.stacks = blame.stacks(stacks)
            record.omitted = record.stacks.isEmpty ? Blame.onlyIdle : nil
        } else if record.stacks.isEmpty, let omitted = capture.omitted {
            record.omitted = omitted
        }
        record.causeDetail = capture.causeDetail ?? record.causeDetail
        if record.isAwaited, record.raw.isEmpty, draft.state == .ended { record.omitted = nil }
        record.isAwaited = draft.state != .ended && record.raw.isEmpty && !capture.computing.isEmpty
        var found = Found(
            causeDetail: record.causeDetail,
            raw: record.raw,
            isFirst: !record.isCounted,
            blame: blame
        )
        if record.isAwaited {
            found.isDeferred = true
        } else {
            record.isCounted = true
            found.nanoseconds = max(0, draft.durationNanoseconds - record.accountedNanoseconds)
            record.accountedNanoseconds = max(record.accountedNanoseconds, draft.durationNanoseconds)
        }
        found.stack = Self.mostFrequent(record.stacks)
        found.groups = StackGroup.groups(of: record.stacks)
        if found.stack == nil { found.omitted = record.omitted ?? Self.endedBefore }
        // A call that is over by the end was still what it was about.
        if draft.state == .ended {
            records[key] = nil
        } else if known != nil || records.count < Limits.reportDecisions {
            records[key] = record
        }
        return found
    }

    /// Notes what was found of another process, and returns what to say.
    mutating func note(_ draft: ReportDraft, _ target: WatchTarget, _ finding: RemoteFinding) -> Found {
        let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
        var capture = StallCapture()
        capture.omitted = finding.omitted
        capture.causeDetail = finding.causeDetail
        var samples = records[key]?.samples ?? StackSamples()
        samples.add(finding.samples)
        var found = note(draft, target, stacks: finding.stacks, capture)
        if draft.state == .ended {
            if let stack = samples.longest(from: draft.began, until: draft.until) { found.stack = stack }
        } else {
            records[key]?.samples = samples
        }
        return found
    }

    /// What was captured last of a stall that goes on, if its names were not had in time.
    func unnamed(_ draft: ReportDraft, _ target: WatchTarget) -> [RawStack] {
        let record = records[Key(subject: target.subject, target: target.identity, episode: draft.episode)]
        return record.map { $0.stacks.isEmpty || $0.areNamesEarlier ? $0.raw : [] } ?? []
    }

    /// Takes a stack that came after the report that it was for; returns false if the stall is over, or has a stack since.
    mutating func addLate(_ draft: ReportDraft, _ target: WatchTarget, raw: RawStack) -> Bool {
        let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
        guard records[key]?.isAwaited == true else { return false }
        // Several threads of a pool may come one after another.
        records[key]?.raw.append(raw)
        return true
    }

    /// Takes stacks that were found after the report that they were for; returns false if the stall is over, or has stacks
    /// since.
    mutating func addFound(_ draft: ReportDraft, _ target: WatchTarget, raw: [RawStack], stacks: [Stack]) -> Bool {
        let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
        guard records[key]?.raw.isEmpty == true else { return false }
        records[key]?.raw = raw
        records[key]?.stacks = Blame(draft, target).stacks(stacks)
        records[key]?.areNamesEarlier = false
        records[key]?.omitted = nil
        return true
    }

    /// Takes that a stack, for which a report did not wait, cannot be had.
    mutating func excuse(_ draft: ReportDraft, _ target: WatchTarget, omitted: String) {
        let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
        guard records[key]?.isAwaited == true, records[key]?.raw.isEmpty == true else { return }
        records[key]?.isAwaited = false
        records[key]?.omitted = omitted
    }

    /// Replaces what was noted of a stall that goes on by the same with all names; nothing if more was captured since.
    mutating func complete(_ draft: ReportDraft, _ target: WatchTarget, raw: [RawStack], stacks: [Stack]) {
        let key = Key(subject: target.subject, target: target.identity, episode: draft.episode)
        guard records[key]?.raw == raw else { return }
        let toBlame = Blame(draft, target).stacks(stacks)
        records[key]?.stacks = toBlame
        records[key]?.areNamesEarlier = false
        guard toBlame.isEmpty else { return }
        // The time that goes on is not theirs.
        records[key]?.raw = []
        records[key]?.omitted = Blame.onlyIdle
    }

    /// The stack that most threads are at; of several as frequent, the first.
    fileprivate static func mostFrequent(_ stacks: [Stack]) -> Stack? {
        guard stacks.count > 1 else { return stacks.first }
        let prints = stacks.map(\.fingerprint)
        let counts = prints.map { print in prints.count { $0 == print } }
        return counts.max().flatMap { most in counts.firstIndex(of: most) }.map { stacks[$0] }
    }
}
