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
        case warmUp
    }

    private let reporter: Reporter
    private let queue: QueueThread<Entry>?
    /// Used by the desk's thread, or without one by the watchdog's; guarded so that the compiler knows.
    private let episodes = Mutex(EpisodeStacks())
    private let symbolizer: Symbolizer?

    /// Creates a desk; where its thread cannot be started, reports go on without names of code.
    ///
    /// - Parameters:
    ///   - reporter: takes the finished reports.
    ///   - queue: the queue of the desk's thread, not started; `nil` where there is none.
    ///   - capturesStacks: whether there will be stacks.
    private init(reporter: Reporter, queue: QueueThread<Entry>?, capturesStacks: Bool) {
        self.reporter = reporter
        self.queue = queue
        symbolizer = queue != nil && capturesStacks ? Symbolizer() : nil
    }

    /// Starts a desk.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor or thread left.
    static func started(reporter: Reporter, capturesStacks: Bool) throws -> ReportDesk {
        let queue = try QueueThread<Entry>(name: "lw-reports", limit: Limits.reportsQueued)
        let desk = ReportDesk(reporter: reporter, queue: queue, capturesStacks: capturesStacks)
        try queue.start { desk.run(queue) }
        if capturesStacks { queue.enqueue(.warmUp) }
        return desk
    }

    /// A desk without a thread: names of code are left out, and the rest is done at once.
    static func withoutThread(reporter: Reporter) -> ReportDesk {
        ReportDesk(reporter: reporter, queue: nil, capturesStacks: false)
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
        if let queue { queue.enqueue(entry) } else { process(entry) }
    }

    private func run(_ queue: QueueThread<Entry>) {
        while let entries = queue.next() {
            for entry in entries where !queue.isAbandoned { process(entry) }
        }
    }

    private func process(_ entry: Entry) {
        switch entry {
        case .warmUp:
            symbolizer?.warmUp()
        case .interruption(let interruption, let nanoseconds, let now, let unix):
            reporter.interrupted(interruption, nanoseconds: nanoseconds, now: now, unixNanoseconds: unix)
        case .stall(let draft, let watched, let now, let unix, let capture):
            report(draft, of: watched, now: now, unixNanoseconds: unix, capture)
        }
    }

    private func report(
        _ draft: ReportDraft,
        of watched: WatchedTarget,
        now: MonotonicInstant,
        unixNanoseconds: Int64,
        _ capture: StallCapture
    ) {
        let target = watched.target
        let stacks = symbolizer.map { symbolizer in capture.stacks.map { symbolizer.stack(for: $0) } } ?? []
        let found = episodes.withLock { episodes in
            episodes.note(
                draft,
                subject: target.subject,
                target: target.name,
                stacks: stacks,
                omitted: capture.omitted,
                causeDetail: capture.causeDetail
            )
        }
        let report = reporter.report(
            draft,
            subject: target.subject,
            target: target.name,
            found: found,
            now: now,
            unixNanoseconds: unixNanoseconds
        )
        if draft.state == .ended, draft.kind == .stall, let report {
            watched.detector.withLock { $0.stallReported(draft, as: report) }
        }
    }
}
