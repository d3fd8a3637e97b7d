// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// The desk's questions for names.
///
/// The answers come through the desk's queue.
///
/// Belongs to the desk's thread.
struct ReportNames {
    private let finder: NameFinder?
    private let profile: ProfileStore
    private let queue: QueueThread<ReportDesk.Entry>
    private var questions: UInt64 = 0

    init(_ finder: NameFinder?, profile: ProfileStore, queue: QueueThread<ReportDesk.Entry>) {
        self.finder = finder
        self.profile = profile
        self.queue = queue
    }

    /// Whether there is somebody to ask.
    var isAvailable: Bool { finder != nil }

    /// Has names read that may be asked for before long.
    func prepare(_ stacks: [RawStack], of watched: WatchedTarget) {
        guard !stacks.isEmpty else { return }
        let queue = queue
        finder?.prepare(stacks) { found, areComplete in
            let names = PreparedNames(Dictionary(zip(stacks, found)) { $1 }, areComplete: areComplete)
            queue.enqueue(.namesPrepared(names, of: watched), isLoss: false)
        }
    }

    /// Asks for the names of stacks for a report that waits; returns the number of the question, if there is one.
    mutating func ask(for raw: [RawStack]) -> UInt64? {
        guard let finder, !raw.isEmpty else { return nil }
        questions += 1
        let (question, queue) = (questions, queue)
        finder.find(raw) { queue.enqueue(.found(question: question, $0), isLoss: false) }
        return question
    }

    /// Has all names found of what came after its report, for the reports to come.
    func complete(_ raw: [RawStack], for draft: ReportDraft, _ target: WatchTarget) {
        let queue = queue
        finder?.complete(raw) { queue.enqueue(.named(draft, target, raw, $0), isLoss: false) }
    }

    /// Has all names found for a report of what is over, which waits for them; returns false if there is nobody to ask.
    func complete(_ found: EpisodeStacks.Found, _ raw: [RawStack], forEnd report: PendingReport) -> Bool {
        guard let finder else { return false }
        let (draft, watched, now, unix, queue) = (
            report.draft, report.watched, report.now, report.unixNanoseconds, queue
        )
        finder.complete(raw) { all in
            var named = found
            named.name(all)
            queue.enqueue(.endNamed(draft, of: watched, now: now, unixNanoseconds: unix, named))
        }
        return true
    }

    /// Has all names found of what was reported, for the reports to come, and adds it to the profile.
    func record(_ found: EpisodeStacks.Found, of report: PendingReport) {
        let (draft, target, unix) = (report.draft, report.watched.target, report.unixNanoseconds)
        let (profile, queue) = (profile, queue)
        guard let finder, !found.raw.isEmpty else {
            return profile.recordUnattributed(nanoseconds: found.nanoseconds, isNewStall: found.isFirst)
        }
        finder.complete(found.raw) { all in
            queue.enqueue(.named(draft, target, found.raw, all), isLoss: false)
            let stacks = Blame(draft, target).stacks(all)
            if stacks.isEmpty {
                profile.recordUnattributed(nanoseconds: found.nanoseconds, isNewStall: found.isFirst)
            }
            for (index, stack) in stacks.enumerated() {
                profile.record(
                    stack: stack,
                    subject: target.subject,
                    target: target.name,
                    cause: draft.cause,
                    nanoseconds: found.nanoseconds / Int64(stacks.count),
                    isNewStall: found.isFirst && index == 0,
                    stallNanoseconds: draft.durationNanoseconds,
                    unixNanoseconds: unix
                )
            }
        }
    }
}
