// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// What the thread of a watched process does: looks at it, reads the stacks of what is blocked, and passes both on.
struct AttachWork: ~Copyable {
    private let name: RemoteProcessName
    private let watch: Loopwatch
    private let options: AttachedProcess.Options
    private let say: @Sendable (String) -> Void
    private var process: ProcessWatch
    private var reader: RemoteStackReader?
    /// Why stacks cannot be read, where they cannot.
    private var readerProblem: String?
    private var targets: [RemoteTargetIdentity: (target: RemoteTarget, registration: TargetRegistration)] = [:]
    private var queue: [ProcessWatch.Said] = []
    private var nextPublication: MonotonicInstant
    private var hasFoundTarget = false
    /// What loops were at a little before their block would be reported, by when the iteration began.
    private var prepared: [RemoteTargetIdentity: (since: MonotonicInstant, finding: RemoteFinding)] = [:]
    private var budget = PreparationBudget(now: Clock.now())
    /// Loops of which a block is told that goes on.
    private var blocked: Set<RemoteTargetIdentity> = []

    /// For how long files and lines of compiled code are looked for while a report waits, in nanoseconds.
    private static let lineNanoseconds: Int64 = 5_000_000
    /// Functions in which a thread of Python waits for the global lock.
    private static let globalLockFunctions: Set<String> = [
        "take_gil", "PyEval_RestoreThread", "PyEval_AcquireThread", "PyEval_AcquireLock", "PyGILState_Ensure",
    ]
    /// Time between publications of the counters while nothing happens, in nanoseconds.
    private static let publicationNanoseconds: Int64 = 100_000_000
    /// Jobs that a loop has to be found at, each another than the ones before, to be taken for one of many short ones.
    private static let jobsLeast = 3
    /// Time between looks at which job a loop is at, in microseconds.
    private static let jobPauseMicroseconds: UInt32 = 1_500

    /// Begins to watch a process.
    init(
        _ name: RemoteProcessName,
        watch: Loopwatch,
        options: AttachedProcess.Options,
        say: @escaping @Sendable (String) -> Void
    ) throws(RemoteProblem) {
        self.name = name
        self.watch = watch
        self.options = options
        self.say = say
        let now = Clock.now()
        nextPublication = now
        process = try ProcessWatch(
            process: name.identifier,
            options: ProcessWatch.Options(
                policy: DetectionPolicy(
                    resolutionNanoseconds: 10_000_000,
                    thresholds: options.thresholds
                ),
                rung: options.rung,
                allowsTracepoints: options.rung == .tracepoints
            ),
            now: now
        )
    }

    /// Reads what the process is made of, so that the first stack is read as fast as those after it.
    private mutating func prepareReader() {
        guard reader == nil, readerProblem == nil else { return }
        var runtimes = ""
        do throws(RemoteStackProblem) {
            var reader = try RemoteStackReader(
                process: name.identifier,
                lineNanoseconds: Self.lineNanoseconds
            )
            reader.prepare()
            runtimes = reader.interpreters.map { ", " + $0 }.joined()
            for remark in reader.remarks { say("\(name.name): \(remark)") }
            self.reader = consume reader
        } catch {
            readerProblem = error.text
            say("\(name.name): stacks cannot be read: \(error.text)")
        }
        say("watching \(name.name), process \(name.identifier)\(runtimes)")
    }

    /// Looks once; returns when to look next, or `nil` once the process has ended.
    mutating func look() -> MonotonicInstant? {
        var isOver = false
        queue += process.look(now: Clock.now())
        while !queue.isEmpty {
            let said = queue.removeFirst()
            switch said {
            case .found(let identity): add(identity)
            case .gone(let identity): remove(identity)
            case .report(let draft, let identity, let threads): report(draft, of: identity, threads: threads)
            case .interrupted(let interruption): note(interruption)
            case .note(let text): say("\(name.name): \(text)")
            case .ended: isOver = true
            }
        }
        let now = Clock.now()
        prepare(now: now)
        if now >= nextPublication || isOver { publish(now: now) }
        if isOver {
            if hasFoundTarget { say("\(name.name), process \(name.identifier), has ended") }
            return nil
        }
        return process.nextLook(now: now)
    }

    /// Ends what goes on, and takes the targets off the watch.
    mutating func finish() {
        queue = []
        for said in process.stop(now: Clock.now()) {
            if case .report(let draft, let identity, _) = said { report(draft, of: identity, threads: []) }
        }
        for identity in Array(targets.keys) { remove(identity) }
    }

    // MARK: Targets

    private mutating func add(_ identity: RemoteTargetIdentity) {
        prepareReader()
        let target = RemoteTarget(
            process: name,
            name: identity.name,
            subject: identity.subject,
            summary: Self.summary(of: identity),
            thresholds: options.thresholds
        )
        // What names need is read now, rather than when the first block waits for them.
        if identity.subject == .loop, let thread = identity.threads.first {
            _ = reader?.stack(of: thread, allowsStop: false)
        }
        hasFoundTarget = true
        let registration = watch.add(target)
        targets[identity] = (target, registration)
        say("\(name.name): \(identity.subject.rawValue) \(identity.name) is \(Self.summary(of: identity))")
    }

    private mutating func remove(_ identity: RemoteTargetIdentity) {
        prepared[identity] = nil
        blocked.remove(identity)
        guard let (_, registration) = targets.removeValue(forKey: identity) else { return }
        registration.remove()
    }

    private mutating func publish(now: MonotonicInstant) {
        nextPublication = now.advanced(byNanoseconds: Self.publicationNanoseconds)
        let unix = Clock.unixNanoseconds()
        for (identity, (target, _)) in targets {
            target.state = RemoteTarget.State(
                statistics: process.statistics(of: identity, now: now, unixNanoseconds: unix),
                cause: process.currentCause(of: identity),
                threads: process.pool(of: identity).map {
                    RemoteTargetSnapshot.RemoteThreads(
                        total: $0.threads,
                        busy: $0.busy,
                        saturatedNanoseconds: $0.saturatedNanoseconds
                    )
                },
                size: process.pool(of: identity)?.size
            )
        }
    }

    private static func summary(of identity: RemoteTargetIdentity) -> String {
        guard identity.subject == .loop else { return identity.description }
        let rung = identity.rung
        return "\(identity.description); evidence \(rung.grade.rawValue), by \(rung.label): \(rung.guarantee)"
    }

    private func note(_ interruption: Interruption) {
        let nanoseconds = interruption.to.nanoseconds(since: interruption.from)
        guard nanoseconds >= options.thresholds.warning.wholeNanoseconds else { return }
        say("\(name.name): was stopped for \(nanoseconds / 1_000_000) ms, as by SIGSTOP; no loop is blamed for that")
    }

    // MARK: Reports

    /// Reads stacks a little before they are wanted: of a block that is hardly longer than the threshold nothing would be
    /// left to read, and what is read for the first time takes longer.
    private mutating func prepare(now: MonotonicInstant) {
        let policy = process.options.policy
        let early = policy.thresholdNanoseconds - policy.preparationNanoseconds
        for away in process.loopsAway(forNanoseconds: early, at: now)
        where prepared[away.target]?.since != away.since && !blocked.contains(away.target) {
            guard budget.admit(now: now) else { return }
            prepared[away.target] = (away.since, read([away.thread]))
        }
    }

    private func prepared(for draft: ReportDraft, of identity: RemoteTargetIdentity) -> RemoteFinding? {
        guard let known = prepared[identity], known.since == draft.began, !known.finding.stacks.isEmpty else {
            return nil
        }
        return known.finding
    }

    private mutating func report(_ draft: ReportDraft, of identity: RemoteTargetIdentity, threads: [Int32]) {
        guard let (target, _) = targets[identity] else { return }
        var draft = draft
        if identity.subject == .pool, let pool = process.pool(of: identity) {
            draft.pool = PoolFinding(
                kind: .saturated,
                lane: .unspecified,
                holders: [],
                held: pool.busy,
                width: pool.size ?? pool.threads
            )
            draft.pool?.isOfSwift = false
        }
        var finding = RemoteFinding()
        if draft.state != .ended {
            finding = read(threads)
            if draft.kind == .stall, identity.subject == .loop, let thread = threads.first, isAtManyJobs(thread) {
                draft.kind = .congestion
                draft.cause = .congestion
                process.noteManyJobs(inEpisode: draft.episode, of: identity)
            }
            // What was read belongs to the block only if that was still going on afterwards.
            let read = Clock.now()
            let later = process.look(now: read)
            if later.contains(where: { Self.ends(draft, of: identity, $0, before: read) }) {
                finding = RemoteFinding(omitted: "it went on before its stack could be read")
            }
            queue += later
        }
        // At the end the reports before it tell, if there were any.
        if finding.stacks.isEmpty, draft.state == .begun || !blocked.contains(identity),
            let known = prepared(for: draft, of: identity)
        {
            finding = known
        }
        if draft.state == .ended { blocked.remove(identity) } else { blocked.insert(identity) }
        watch.report(draft, of: target, finding: finding)
        publish(now: Clock.now())
    }

    private static func ends(
        _ draft: ReportDraft,
        of identity: RemoteTargetIdentity,
        _ said: ProcessWatch.Said,
        before instant: MonotonicInstant
    ) -> Bool {
        guard case .report(let other, let whose, _) = said, whose == identity else { return false }
        return other.state == .ended && other.episode == draft.episode && other.until < instant
    }

    /// Whether a loop goes from job to job within one iteration: one that blocks stays at its own.
    private mutating func isAtManyJobs(_ thread: Int32) -> Bool {
        guard let first = reader?.job(of: thread) else { return false }
        var jobs: Set<UInt64> = [first]
        while jobs.count < Self.jobsLeast {
            usleep(Self.jobPauseMicroseconds)
            guard let next = reader?.job(of: thread), jobs.insert(next).inserted else { return false }
        }
        return true
    }

    /// Who holds Python's global lock, if that is what a thread waits for.
    private mutating func globalLockDetail(_ stack: Stack, of thread: Int32) -> String? {
        guard stack.frames.contains(where: { Self.globalLockFunctions.contains($0.function) }),
            let holder = reader?.globalLockHolder(), holder.thread != thread
        else { return nil }
        var text = "Python's global lock, held by thread \(holder.thread)"
        guard let frame = holder.stack.blamed else { return text }
        text += " at \(frame.function)"
        guard let file = frame.file?.split(separator: "/").last else { return text }
        return text + " \(file)" + (frame.line.map { ":\($0)" } ?? "")
    }

    private mutating func read(_ threads: [Int32]) -> RemoteFinding {
        guard reader != nil else { return RemoteFinding(omitted: readerProblem) }
        var finding = RemoteFinding()
        for thread in threads.prefix(Limits.remoteThreadsCaptured) {
            switch reader!.stack(of: thread, allowsStop: options.allowsStop && !process.isWaiting(thread)) {
            case .success(let stack):
                finding.stacks.append(stack)
                if threads.count == 1 { finding.causeDetail = globalLockDetail(stack, of: thread) }
            case .failure(let omission): finding.omitted = omission.text
            }
        }
        if !finding.stacks.isEmpty { finding.omitted = nil }
        return finding
    }
}
