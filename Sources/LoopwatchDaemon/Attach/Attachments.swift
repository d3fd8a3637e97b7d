// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The processes that are watched: those that rules mean are added, those that have ended are taken off.
struct Attachments: ~Copyable {
    private let watch: Loopwatch
    /// How the processes of a rule are watched.
    var options: (DaemonConfiguration.Rule) -> AttachedProcess.Options
    private let say: @Sendable (String) -> Void
    private var attached: [Int32: AttachedProcess] = [:]
    /// What rules call the processes, which may be no name of their own.
    private var givenNames: [Int32: String] = [:]
    private var names = ProcessNames()
    /// When descendants were first seen that are not watched yet.
    private var seen: [Int32: MonotonicInstant] = [:]
    private var hasNotedLimit = false

    /// Age at which a descendant is watched that no rule means itself, in nanoseconds: servers start many that do one thing
    /// and end.
    private static let ageNanosecondsLeast: Int64 = 2_000_000_000

    /// Creates an empty list.
    ///
    /// - Parameters:
    ///   - watch: takes what is found.
    ///   - options: how the processes of a rule are watched.
    ///   - say: takes a line for whoever started the program.
    init(
        watch: Loopwatch,
        options: @escaping (DaemonConfiguration.Rule) -> AttachedProcess.Options,
        say: @escaping @Sendable (String) -> Void
    ) {
        self.watch = watch
        self.options = options
        self.say = say
        // That of this process itself, which has series of its own.
        _ = names.name(watch.snapshot().process, for: getpid())
    }

    /// Whether any process is watched.
    var isAnyWatched: Bool { attached.values.contains { !$0.hasEnded } }

    /// How far watching has come; a thread that is later than a time, in nanoseconds, hangs.
    func progress(now: MonotonicInstant, hangingAfter nanoseconds: Int64) -> WatchProgress {
        let counts = watch.remoteTargetCounts
        let processes = attached.values.filter { !$0.hasEnded }
        return WatchProgress(
            processes: processes.count,
            loops: counts.loops,
            pools: counts.pools,
            unseen: processes.count { !$0.hasBeenSeen },
            standing: processes.filter { $0.lateNanoseconds(at: now) > nanoseconds }.map(\.name.name).sorted()
        )
    }

    /// Brings the list up to date.
    ///
    /// A process that cannot be watched stays in it, so that it is not tried again and again.
    ///
    /// - Returns: whether one is too young to be watched yet.
    mutating func update(_ found: [ProcessFinder.Found], now: MonotonicInstant) -> Bool {
        let present = Dictionary(found.map { ($0.entry.identifier, $0.entry.startTicks) }) { first, _ in first }
        for (identifier, process) in attached where present[identifier] != process.startTicks { remove(identifier) }
        // A rule may say something else of it than it did.
        for process in found {
            let identifier = process.entry.identifier
            guard let known = attached[identifier] else { continue }
            if known.options != options(process.rule) || givenNames[identifier] != process.rule.name {
                remove(identifier)
            }
        }
        seen = seen.filter { present[$0.key] != nil }
        var isAnyYoung = false
        for process in found where attached[process.entry.identifier] == nil {
            let first = seen[process.entry.identifier] ?? now
            guard process.isMeant || now.nanoseconds(since: first) >= Self.ageNanosecondsLeast else {
                seen[process.entry.identifier] = first
                isAnyYoung = true
                continue
            }
            seen[process.entry.identifier] = nil
            guard attached.count < Limits.remoteProcesses else {
                if !hasNotedLimit {
                    say("more than \(Limits.remoteProcesses) processes are meant; the rest is not watched")
                }
                hasNotedLimit = true
                break
            }
            attach(process)
        }
        return isAnyYoung
    }

    private mutating func remove(_ identifier: Int32) {
        attached[identifier]?.stop()
        attached[identifier] = nil
        givenNames[identifier] = nil
        names.release(identifier)
    }

    private mutating func attach(_ process: ProcessFinder.Found) {
        let entry = process.entry
        givenNames[entry.identifier] = process.rule.name
        let name = RemoteProcessName(
            name: names.name(process.rule.name ?? entry.programName, for: entry.identifier),
            identifier: entry.identifier
        )
        do {
            attached[entry.identifier] = try AttachedProcess(
                name,
                startTicks: entry.startTicks,
                watch: watch,
                options: options(process.rule),
                say: say
            )
        } catch {
            say("\(name.name) (process \(name.identifier)) is not watched: \(error)")
        }
    }

    /// Stops watching all of them.
    mutating func stop() {
        // All at once: each may be in the middle of reading a stack.
        for process in attached.values { process.beginToStop() }
        for process in attached.values { process.stop() }
        attached = [:]
        givenNames = [:]
    }
}
