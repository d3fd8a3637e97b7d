// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Captures what takes time, has names found, and passes stalls on to the reporter, on a thread of its own: the watchdog,
/// which has other targets' deadlines to serve, only leaves here what it found.
///
/// What the thread does: ``DeskWork``.
final class ReportDesk: Sendable {
    /// What the desk's thread is given.
    enum Entry: Sendable {
        case preparation(Preparation, of: WatchedTarget, StallCapture)
        case stall(ReportDraft, of: WatchedTarget, now: MonotonicInstant, unixNanoseconds: Int64, StallCapture)
        /// This process did not run, or another was stopped.
        case interruption(
            Interruption,
            of: RemoteProcessName?,
            nanoseconds: Int64,
            now: MonotonicInstant,
            unixNanoseconds: Int64
        )
        /// The answer to a question for names.
        case found(question: UInt64, [Stack])
        /// The answer to the question for names of stacks that were prepared.
        case namesPrepared(PreparedNames, of: WatchedTarget)
        case named(ReportDraft, WatchTarget, [RawStack], [Stack])
        case endNamed(
            ReportDraft,
            of: WatchedTarget,
            now: MonotonicInstant,
            unixNanoseconds: Int64,
            EpisodeStacks.Found
        )
        /// What was found of another process, with names.
        case remote(ReportDraft, of: WatchedTarget, now: MonotonicInstant, unixNanoseconds: Int64, RemoteFinding)
        /// Somebody waits until all that came before has been reported.
        case flush(@Sendable () -> Void)
    }

    let reporter: Reporter
    let captures: CaptureCounts
    let profile: ProfileStore
    private let queue: QueueThread<Entry>?
    let names: NameFinder?
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
        let queue = try QueueThread<Entry>(name: "lw-reports", limit: Limits.reportsQueued, turns: .prompt)
        let names = policy.isAllowed ? try NameFinder(captures: captures) : nil
        let desk = ReportDesk(reporter: reporter, captures: captures, profile: profile, queue: queue, names: names)
        do {
            try queue.start {
                var work = DeskWork(desk: desk, queue: queue, policy: policy)
                work.run()
            }
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

    /// Takes what was captured for a report that may be due before long; never blocks.
    func prepare(_ preparation: Preparation, of watched: WatchedTarget, capture: StallCapture) {
        queue?.enqueue(.preparation(preparation, of: watched, capture), isLoss: false)
    }

    /// Takes what a detector said; never blocks.
    func report(_ draft: ReportDraft, of watched: WatchedTarget, now: MonotonicInstant, capture: StallCapture) {
        submit(.stall(draft, of: watched, now: now, unixNanoseconds: Clock.unixNanoseconds(), capture))
    }

    /// Takes what was found of another process; never blocks.
    func report(_ draft: ReportDraft, of watched: WatchedTarget, now: MonotonicInstant, finding: RemoteFinding) {
        submit(.remote(draft, of: watched, now: now, unixNanoseconds: Clock.unixNanoseconds(), finding))
    }

    /// Takes that the host did not run, or that another process was stopped; never blocks.
    func interrupted(
        _ interruption: Interruption,
        of process: RemoteProcessName? = nil,
        nanoseconds: Int64,
        now: MonotonicInstant
    ) {
        submit(
            .interruption(
                interruption,
                of: process,
                nanoseconds: nanoseconds,
                now: now,
                unixNanoseconds: Clock.unixNanoseconds()
            )
        )
    }

    /// Calls back, on the desk's thread, once all that came before has been reported; never blocks.
    ///
    /// It does not call where too much waits already.
    func flush(_ done: @escaping @Sendable () -> Void) {
        if let queue { queue.enqueue(.flush(done), isLoss: false) } else { done() }
    }

    /// Writes a line about Loopwatch itself.
    func note(_ text: String) { reporter.note(text) }

    /// Writes that all is as was asked for, where the log takes such lines.
    func inform(_ text: String) { reporter.inform(text) }

    /// Finishes what is queued, for at most two seconds.
    func stop() {
        // First the names, for which ended reports wait.
        names?.stop()
        queue?.stop()
    }

    private func submit(_ entry: Entry) {
        if let queue {
            queue.enqueue(entry)
        } else if case .interruption(let interruption, let process, let nanoseconds, let now, let unix) = entry {
            reporter.interrupted(interruption, of: process, nanoseconds: nanoseconds, now: now, unixNanoseconds: unix)
        } else if case .remote(let draft, let watched, let now, let unix, let finding) = entry {
            let found = episodes.withLock { $0.note(draft, watched.target, finding) }
            report(draft, of: watched, found, now: now, unixNanoseconds: unix)
        } else if case .stall(let draft, let watched, let now, let unix, var capture) = entry {
            capture.omitted = "the thread that finds names could not be started"
            let found = episodes.withLock { $0.note(draft, watched.target, stacks: [], capture) }
            report(draft, of: watched, found, now: now, unixNanoseconds: unix)
        }
    }

    /// Passes a report on.
    func report(
        _ draft: ReportDraft,
        of watched: WatchedTarget,
        _ found: EpisodeStacks.Found,
        now: MonotonicInstant,
        unixNanoseconds: Int64
    ) {
        let report = reporter.report(
            draft,
            of: watched.target,
            found: found,
            now: now,
            unixNanoseconds: unixNanoseconds
        )
        if draft.state == .ended, draft.kind == .stall, draft.pool == nil, watched.target.remote == nil, let report {
            watched.detector.withLock { $0.stallReported(draft, as: report) }
        }
    }
}
