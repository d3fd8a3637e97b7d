// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Keeps watching the processes that rules mean, until something ends it.
struct ProcessWatching: ~Copyable {
    private var finder: ProcessFinder
    private var attachments: Attachments
    private var known: Set<Int32> = []
    private var processes = KnownProcesses { ProcessList.entry(of: $0) }
    private var lastSearch: MonotonicInstant?
    private var isAnyYoung = false

    /// Time between looks for processes that came or went, in nanoseconds.
    static let lookNanoseconds: Int64 = 1_000_000_000
    /// Time after which processes are searched in any case: one may have become another program, in nanoseconds.
    private static let searchNanoseconds: Int64 = 10_000_000_000

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - rules: which processes.
    ///   - watch: takes what is found.
    ///   - options: how a process is watched.
    ///   - say: takes a line for whoever started the program.
    init(
        rules: [DaemonConfiguration.Rule],
        watch: Loopwatch,
        options: @escaping (DaemonConfiguration.Rule) -> AttachedProcess.Options,
        say: @escaping @Sendable (String) -> Void
    ) {
        finder = ProcessFinder(rules: rules)
        attachments = Attachments(watch: watch, options: options, say: say)
    }

    /// Looks for processes that came or went; returns whether any is watched.
    mutating func look(now: MonotonicInstant) -> Bool {
        let identifiers = ProcessList.identifiers()
        let present = Set(identifiers)
        let age = lastSearch.map { now.nanoseconds(since: $0) } ?? .max
        // Reading of every process is more than one second's look is worth.
        let isWhole = age >= Self.searchNanoseconds
        if present != known || isAnyYoung || isWhole {
            known = present
            if isWhole { lastSearch = now }
            let entries = processes.update(identifiers, isWhole: isWhole, now: now)
            isAnyYoung = attachments.update(finder.find(among: entries), now: now)
        }
        return attachments.isAnyWatched
    }

    /// How far watching has come; a thread that is later than a time, in nanoseconds, hangs.
    func progress(now: MonotonicInstant, hangingAfter nanoseconds: Int64) -> WatchProgress {
        attachments.progress(now: now, hangingAfter: nanoseconds)
    }

    /// Goes by other rules from now on; what they say the same of is watched without a gap.
    mutating func change(
        rules: [DaemonConfiguration.Rule],
        options: @escaping (DaemonConfiguration.Rule) -> AttachedProcess.Options
    ) {
        finder = ProcessFinder(rules: rules)
        attachments.options = options
        lastSearch = nil
    }

    /// Stops watching.
    mutating func stop() { attachments.stop() }
}
