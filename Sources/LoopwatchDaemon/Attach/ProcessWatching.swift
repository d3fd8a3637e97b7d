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
        let present = Set(ProcessList.identifiers())
        let age = lastSearch.map { now.nanoseconds(since: $0) } ?? .max
        // Searching reads of every process, which is more than one second's look is worth.
        if present != known || isAnyYoung || age >= Self.searchNanoseconds {
            known = present
            lastSearch = now
            isAnyYoung = attachments.update(finder.find(), now: now)
        }
        return attachments.isAnyWatched
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
