// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Finds the names of captured code, and passes stalls on to the reporter, on a thread of its own.
///
/// Looking up names takes milliseconds now and then, and may wait for a lock of the loader: the watchdog, which has other
/// targets' deadlines to serve, only leaves here what it found.
final class ReportDesk: Sendable {
    private enum Entry: Sendable {
        case stall(ReportDraft, of: WatchedTarget, now: MonotonicInstant, unixNanoseconds: Int64, StallCapture)
        case interruption(Interruption, nanoseconds: Int64, now: MonotonicInstant, unixNanoseconds: Int64)
    }

    /// What the desk's thread works with.
    private struct Tools: ~Copyable {
        var episodes = EpisodeStacks()
        var symbolizer: Symbolizer?
        var capturer: StackCapturer?
        var unfinished: [Unfinished] = []
        /// Whether the symbols of the host's binaries were read: before, not even one name is had in time for a report.
        var isPrepared = false
    }

    /// A report that went out, with names that were found in a hurry.
    private struct Unfinished: Sendable {
        var draft: ReportDraft
        var target: WatchTarget
        var found: EpisodeStacks.Found
        var raw: [RawStack]
        var unixNanoseconds: Int64
        /// How often names were looked for since.
        var attempts = 0
    }

    private let reporter: Reporter
    private let captures: CaptureCounts
    private let profile: ProfileStore
    private let queue: QueueThread<Entry>?
    /// What is known of stalls where there is no thread.
    private let episodes = Mutex(EpisodeStacks())

    /// Creates a desk.
    ///
    /// - Parameters:
    ///   - reporter: takes the finished reports.
    ///   - captures: takes the counts of captures.
    ///   - profile: takes the blocked time.
    ///   - queue: the queue of the desk's thread, not started; `nil` where there is none.
    private init(reporter: Reporter, captures: CaptureCounts, profile: ProfileStore, queue: QueueThread<Entry>?) {
        self.reporter = reporter
        self.captures = captures
        self.profile = profile
        self.queue = queue
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
        let desk = ReportDesk(reporter: reporter, captures: captures, profile: profile, queue: queue)
        try queue.start { desk.run(queue, policy) }
        return desk
    }

    /// A desk without a thread: names of code are left out, and the rest is done at once.
    static func withoutThread(reporter: Reporter, captures: CaptureCounts, profile: ProfileStore) -> ReportDesk {
        ReportDesk(reporter: reporter, captures: captures, profile: profile, queue: nil)
    }

    /// The desk's thread.
    var threadIdentifier: ThreadIdentifier? { queue?.threadIdentifier }

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
    func stop() { queue?.stop() }

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
        // Reading the symbols of the host's binaries takes up to some 100 ms of CPU time, once: not while the host starts.
        var warmUp: MonotonicInstant?
        if policy.isAllowed {
            tools.capturer = StackCapturer(policy: policy)
            tools.symbolizer = Symbolizer()
            warmUp = Clock.now().advanced(byNanoseconds: Self.warmUpNanoseconds)
        }
        while var entries = queue.next(until: tools.unfinished.isEmpty ? warmUp : Clock.now()) {
            if entries.isEmpty, !tools.isPrepared {
                warmUp = nil
                tools.symbolizer?.warmUp { !queue.isStopped }
                tools.isPrepared = true
                continue
            }
            // First what does not wait: the threads may go on any moment.
            for index in entries.indices { captureComputing(&entries[index], &tools) }
            for index in entries.indices { captureWorkers(&entries[index], &tools) }
            for entry in entries where !queue.isAbandoned { process(entry, &tools) }
            if entries.isEmpty, advance(&tools) { finish(tools.unfinished.removeFirst(), &tools) }
            if let counts = tools.capturer?.counts { captures.noteDesk(counts) }
            if let statistics = tools.symbolizer?.statistics { captures.noteSymbols(statistics) }
            if tools.unfinished.isEmpty { tools.capturer?.refreshModules() }
        }
        while !tools.unfinished.isEmpty, !queue.isAbandoned { finish(tools.unfinished.removeFirst(), &tools) }
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
            draft.state != .ended, tools.isPrepared, watched.target.isOnDispatchWorkers, capture.beat != nil,
            let symbolizer = tools.symbolizer, tools.capturer != nil
        else { return }
        func isHeld(_ stack: RawStack) -> Bool {
            let frames = symbolizer.stack(for: stack, within: Self.namesNanoseconds).frames
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
        case .stall(let draft, let watched, let now, let unix, var capture):
            let symbolizer = tools.isPrepared ? tools.symbolizer : nil
            if !tools.isPrepared, !capture.stacks.isEmpty { capture.omitted = Self.namesFollow }
            let nanoseconds = Self.namesNanoseconds / Int64(max(1, capture.stacks.count))
            let stacks = capture.stacks.compactMap { symbolizer?.stack(for: $0, within: nanoseconds) }
            let found = tools.episodes.note(draft, watched.target, stacks: stacks, capture)
            report(draft, of: watched, found, now: now, unixNanoseconds: unix)
            guard draft.kind == .stall else { return }
            if tools.unfinished.count < Limits.reportsQueued {
                tools.unfinished.append(
                    Unfinished(
                        draft: draft,
                        target: watched.target,
                        found: found,
                        raw: capture.stacks,
                        unixNanoseconds: unix
                    )
                )
            } else {
                profile.recordUnattributed(nanoseconds: found.nanoseconds, isNewStall: found.isFirst)
            }
        }
    }

    /// Finds some more names for the first unfinished report; returns whether there is no more to be found.
    ///
    /// A little at a time: a report that comes meanwhile does not wait for all names of this one.
    private func advance(_ tools: inout Tools) -> Bool {
        guard let symbolizer = tools.symbolizer, !tools.unfinished.isEmpty,
            let raw = tools.unfinished[0].raw.first(where: { !symbolizer.isKnown($0) })
        else { return true }
        _ = symbolizer.stack(for: raw, within: Self.namesNanoseconds)
        tools.unfinished[0].attempts += 1
        return tools.unfinished[0].attempts >= Self.attemptsMost
    }

    /// Finds all names of what was reported in a hurry, for the reports to come, and adds it to the profile.
    private func finish(_ unfinished: Unfinished, _ tools: inout Tools) {
        let symbolizer = tools.symbolizer
        var stacks = unfinished.found.samples
        if !unfinished.raw.isEmpty, let symbolizer {
            stacks = EpisodeStacks.toBlame(unfinished.raw.map { symbolizer.stack(for: $0) })
            tools.episodes.complete(unfinished.draft, unfinished.target, stacks: stacks)
        }
        let draft = unfinished.draft
        guard !stacks.isEmpty else {
            return profile.recordUnattributed(
                nanoseconds: unfinished.found.nanoseconds,
                isNewStall: unfinished.found.isFirst
            )
        }
        for (index, stack) in stacks.enumerated() {
            profile.record(
                stack: stack,
                subject: unfinished.target.subject,
                target: unfinished.target.name,
                cause: draft.cause,
                nanoseconds: unfinished.found.nanoseconds / Int64(stacks.count),
                isNewStall: unfinished.found.isFirst && index == 0,
                stallNanoseconds: draft.durationNanoseconds,
                unixNanoseconds: unfinished.unixNanoseconds
            )
        }
    }

    /// How often names are looked for, each time for as long as a report may wait: stacks with frames that no binary holds
    /// are never known.
    private static let attemptsMost = 200

    /// What is said of a stack the names of which are not known yet.
    private static let namesFollow = "the names of its code are still being read; later reports have them"

    /// How long after its start the desk prepares for finding names, in nanoseconds.
    private static let warmUpNanoseconds: Int64 = 1_000_000_000

    /// For how long names are looked for before a report goes out with those that are known, in nanoseconds: it is to be
    /// there within 5 ms of the threshold.
    private static let namesNanoseconds: Int64 = 2_000_000

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
