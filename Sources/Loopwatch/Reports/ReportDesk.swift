// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Captures what takes time, has names found, and passes stalls on to the reporter, on a thread of its own: the watchdog,
/// which has other targets' deadlines to serve, only leaves here what it found.
final class ReportDesk: Sendable {
    private enum Entry: Sendable {
        case stall(ReportDraft, of: WatchedTarget, now: MonotonicInstant, unixNanoseconds: Int64, StallCapture)
        case interruption(Interruption, nanoseconds: Int64, now: MonotonicInstant, unixNanoseconds: Int64)
        case named(ReportDraft, WatchTarget, [RawStack], [Stack])
        case endNamed(
            ReportDraft,
            of: WatchedTarget,
            now: MonotonicInstant,
            unixNanoseconds: Int64,
            EpisodeStacks.Found
        )
    }

    /// What the desk's thread works with.
    private struct Tools: ~Copyable {
        var episodes = EpisodeStacks()
        var capturer: StackCapturer?
    }

    private let reporter: Reporter
    private let captures: CaptureCounts
    private let profile: ProfileStore
    private let queue: QueueThread<Entry>?
    private let names: NameFinder?
    /// What is known of stalls where there is no thread.
    private let episodes = Mutex(EpisodeStacks())

    /// Creates a desk.
    ///
    /// - Parameters:
    ///   - reporter: takes the finished reports.
    ///   - captures: takes the counts of captures.
    ///   - profile: takes the blocked time.
    ///   - queue: the queue of the desk's thread, not started; `nil` where there is none.
    ///   - names: finds names; `nil` where nothing is captured.
    private init(
        reporter: Reporter,
        captures: CaptureCounts,
        profile: ProfileStore,
        queue: QueueThread<Entry>?,
        names: NameFinder?
    ) {
        self.reporter = reporter
        self.captures = captures
        self.profile = profile
        self.queue = queue
        self.names = names
    }

    /// Starts a desk.
    ///
    /// - Parameters:
    ///   - reporter: takes the finished reports.
    ///   - captures: takes the counts of captures.
    ///   - profile: takes the blocked time.
    ///   - policy: what captures may do.
    /// - Throws: ``SystemError`` when the process has no descriptor or thread left.
    static func started(reporter: Reporter, captures: CaptureCounts, profile: ProfileStore, policy: CapturePolicy)
        throws -> ReportDesk
    {
        let queue = try QueueThread<Entry>(name: "lw-reports", limit: Limits.reportsQueued)
        let names = policy.isAllowed ? try NameFinder(captures: captures) : nil
        let desk = ReportDesk(reporter: reporter, captures: captures, profile: profile, queue: queue, names: names)
        do {
            try queue.start { desk.run(queue, policy) }
        } catch {
            names?.stop()
            throw error
        }
        return desk
    }

    /// A desk without a thread: names of code are left out, and the rest is done at once.
    static func withoutThread(reporter: Reporter, captures: CaptureCounts, profile: ProfileStore) -> ReportDesk {
        ReportDesk(reporter: reporter, captures: captures, profile: profile, queue: nil, names: nil)
    }

    /// The threads of the desk.
    var threadIdentifiers: [ThreadIdentifier] {
        [queue?.threadIdentifier, names?.threadIdentifier].compactMap { $0 }
    }

    /// Reports that were lost because too many waited.
    var dropped: UInt64 { queue?.dropped ?? 0 }

    /// Takes what a detector said; never blocks.
    func report(_ draft: ReportDraft, of watched: WatchedTarget, now: MonotonicInstant, capture: StallCapture) {
        submit(.stall(draft, of: watched, now: now, unixNanoseconds: Clock.unixNanoseconds(), capture))
    }

    /// Takes that the host did not run; never blocks.
    func interrupted(_ interruption: Interruption, nanoseconds: Int64, now: MonotonicInstant) {
        submit(
            .interruption(interruption, nanoseconds: nanoseconds, now: now, unixNanoseconds: Clock.unixNanoseconds())
        )
    }

    /// Writes a line about Loopwatch itself.
    func note(_ text: String) { reporter.note(text) }

    /// Finishes what is queued, for at most two seconds.
    func stop() {
        // First the names, for which ended reports wait.
        names?.stop()
        queue?.stop()
    }

    private func submit(_ entry: Entry) {
        if let queue {
            queue.enqueue(entry)
        } else if case .interruption(let interruption, let nanoseconds, let now, let unix) = entry {
            reporter.interrupted(interruption, nanoseconds: nanoseconds, now: now, unixNanoseconds: unix)
        } else if case .stall(let draft, let watched, let now, let unix, var capture) = entry {
            capture.omitted = "the thread that finds names could not be started"
            let found = episodes.withLock { $0.note(draft, watched.target, stacks: [], capture) }
            report(draft, of: watched, found, now: now, unixNanoseconds: unix)
        }
    }

    // MARK: The desk's thread

    private func run(_ queue: QueueThread<Entry>, _ policy: CapturePolicy) {
        var tools = Tools()
        if policy.isAllowed { tools.capturer = StackCapturer(policy: policy) }
        while var entries = queue.next() {
            // First what does not wait: the threads may go on any moment.
            for index in entries.indices { captureComputing(&entries[index], &tools) }
            for index in entries.indices { captureWorkers(&entries[index], &tools) }
            for entry in entries where !queue.isAbandoned { process(entry, &tools) }
            if let counts = tools.capturer?.counts { captures.noteDesk(counts) }
            tools.capturer?.refreshModules()
        }
    }

    /// Captures the threads that compute, if they are still at what the watchdog saw them at.
    private func captureComputing(_ entry: inout Entry, _ tools: inout Tools) {
        guard case .stall(let draft, let watched, let now, let unix, var capture) = entry,
            !capture.computing.isEmpty, tools.capturer != nil
        else { return }
        let computing = capture.computing
        capture.computing = []
        tools.capturer!.capture(computing, of: watched, passesOn: false, into: &capture)
        entry = .stall(draft, of: watched, now: now, unixNanoseconds: unix, capture)
    }

    /// Looks for the threads that hold a pool on Dispatch's workers, where those that are known are in no code of the host:
    /// a thread that is held may never have answered a beat.
    ///
    /// Only among those that sleep: of one that computes it is not known whether it is the pool's.
    private func captureWorkers(_ entry: inout Entry, _ tools: inout Tools) {
        guard case .stall(let draft, let watched, let now, let unix, var capture) = entry,
            draft.state != .ended, watched.target.isOnDispatchWorkers, capture.beat != nil,
            let names, tools.capturer != nil
        else { return }
        func isHeld(_ stack: RawStack) -> Bool {
            let frames = names.stacks(for: [stack], within: Self.namesNanoseconds)?.first?.frames ?? []
            return frames.contains { $0.origin == .host } && frames.contains { $0.origin == .dispatch }
        }
        guard !capture.stacks.contains(where: isHeld) else { return }
        var search = StallCapture(beat: capture.beat)
        let own = OwnThread.currentIdentifier
        for thread in OwnThread.identifiersInProcess(atMost: Limits.threadsSearched) where thread != own {
            tools.capturer!.capture(CollectionOfOne(thread), of: watched, passesOn: true, into: &search)
            guard search.beat != nil else { return }
            if let stack = search.stacks.last, !isHeld(stack) { search.stacks.removeLast() }
            if search.stacks.count == Limits.poolThreadsCaptured { break }
        }
        guard !search.stacks.isEmpty else { return }
        capture.stacks = search.stacks
        capture.omitted = nil
        entry = .stall(draft, of: watched, now: now, unixNanoseconds: unix, capture)
    }

    private func process(_ entry: Entry, _ tools: inout Tools) {
        switch entry {
        case .interruption(let interruption, let nanoseconds, let now, let unix):
            reporter.interrupted(interruption, nanoseconds: nanoseconds, now: now, unixNanoseconds: unix)
        case .named(let draft, let target, let raw, let stacks):
            tools.episodes.complete(draft, target, raw: raw, stacks: stacks)
        case .endNamed(let draft, let watched, let now, let unix, let found):
            report(draft, of: watched, found, now: now, unixNanoseconds: unix)
        case .stall(let draft, let watched, let now, let unix, var capture):
            let raw = capture.stacks.isEmpty ? tools.episodes.unnamed(draft, watched.target) : capture.stacks
            let patience = draft.state == .begun ? Self.namesNanoseconds : Self.laterNamesNanoseconds
            let stacks = names?.stacks(for: raw, within: patience)
            if stacks == nil, !raw.isEmpty { capture.omitted = Self.namesFollow }
            let found = tools.episodes.note(draft, watched.target, stacks: stacks ?? [], capture)
            if draft.state == .ended, stacks == nil, let names, let queue {
                // It is over: the report waits for the names, and no other report for it.
                names.complete(raw) { all in
                    var named = found
                    named.name(all)
                    queue.enqueue(.endNamed(draft, of: watched, now: now, unixNanoseconds: unix, named))
                }
            } else {
                report(draft, of: watched, found, now: now, unixNanoseconds: unix)
            }
            if draft.kind == .stall { complete(draft, watched.target, found, unixNanoseconds: unix) }
        }
    }

    /// Has all names found of what was reported, for the reports to come, and adds it to the profile.
    private func complete(
        _ draft: ReportDraft,
        _ target: WatchTarget,
        _ found: EpisodeStacks.Found,
        unixNanoseconds: Int64
    ) {
        guard let names, !found.raw.isEmpty else {
            return profile.recordUnattributed(nanoseconds: found.nanoseconds, isNewStall: found.isFirst)
        }
        names.complete(found.raw) { all in
            let stacks = EpisodeStacks.toBlame(all)
            self.queue?.enqueue(.named(draft, target, found.raw, stacks), isLoss: false)
            for (index, stack) in stacks.enumerated() {
                self.profile.record(
                    stack: stack,
                    subject: target.subject,
                    target: target.name,
                    cause: draft.cause,
                    nanoseconds: found.nanoseconds / Int64(stacks.count),
                    isNewStall: found.isFirst && index == 0,
                    stallNanoseconds: draft.durationNanoseconds,
                    unixNanoseconds: unixNanoseconds
                )
            }
        }
    }

    /// What is said of a stack the names of which are not known yet.
    private static let namesFollow = "the names of its code are still being read; later reports have them"

    /// For how long names are looked for before a report goes out with those that are known, in nanoseconds: it is to be
    /// there within 5 ms of the threshold.
    private static let namesNanoseconds: Int64 = 3_000_000

    /// The same for later reports of a stall, which are not awaited as much.
    private static let laterNamesNanoseconds: Int64 = 30_000_000

    private func report(
        _ draft: ReportDraft,
        of watched: WatchedTarget,
        _ found: EpisodeStacks.Found,
        now: MonotonicInstant,
        unixNanoseconds: Int64
    ) {
        let report = reporter.report(
            draft,
            subject: watched.target.subject,
            target: watched.target.name,
            found: found,
            now: now,
            unixNanoseconds: unixNanoseconds
        )
        if draft.state == .ended, draft.kind == .stall, let report {
            watched.detector.withLock { $0.stallReported(draft, as: report) }
        }
    }
}
