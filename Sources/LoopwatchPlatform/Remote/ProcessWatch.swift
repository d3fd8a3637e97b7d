// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Watches the event loops and pools of another process, which is neither changed nor stopped for it.
///
/// Belongs to one thread. A thread in its wait is never stopped; if this process ends, in whatever way, the kernel forgets
/// its events and lets a thread that is traced go.
package struct ProcessWatch: ~Copyable {
    /// How a process is watched.
    package struct Options: Sendable {
        /// How its loops and pools are judged.
        package var policy: DetectionPolicy
        /// By which means; `nil` for the cheapest that is exact for each loop within 1 % of a CPU.
        package var rung: EvidenceRung?
        /// Whether the kernel's tracepoints of system calls may be used: they cost all processes some 60 ns a call.
        package var allowsTracepoints: Bool

        /// Creates options.
        package init(policy: DetectionPolicy, rung: EvidenceRung? = nil, allowsTracepoints: Bool = false) {
            self.policy = policy
            self.rung = rung
            self.allowsTracepoints = allowsTracepoints
        }
    }

    /// What a look came to, in the order in which it happened.
    package enum Said: Sendable {
        /// A loop or pool was found.
        case found(RemoteTargetIdentity)
        /// It is gone; what was blocked of it was reported as ended before.
        case gone(RemoteTargetIdentity)
        /// Something is to be reported; unless it has ended, of these threads stacks may be read.
        case report(ReportDraft, of: RemoteTargetIdentity, threads: [Int32])
        /// The process was stopped, as by `SIGSTOP` or a debugger: that is laid on none of its loops.
        case interrupted(Interruption)
        /// A line for the log: what is missing, and the command that grants it.
        case note(String)
        /// The process has ended.
        case ended
    }

    /// Looks at all threads after the process was found, 20 ms apart, before it is decided which are loops.
    static let firstSweeps = 10
    static let firstSweepNanoseconds: Int64 = 20_000_000
    /// Time between looks at all threads, for new ones.
    static let sweepNanoseconds: Int64 = 1_000_000_000
    /// The same as long as no loop was found that waits by epoll: one that computes all the time is seldom seen waiting.
    static let searchNanoseconds: Int64 = 100_000_000
    /// Time after which it is asked whether the process has ended, where none of its loops is gone, in nanoseconds.
    private static let endCheckNanoseconds: Int64 = 50_000_000
    /// For how long other looks wait for one at a loop, as waking up costs as much as looking, in nanoseconds.
    private static let joiningNanoseconds: Int64 = 20_000_000
    /// Least time between looks.
    static let pauseNanoseconds: Int64 = 1_000_000

    /// The process.
    package let process: RemoteProcess
    /// How it is watched.
    package let options: Options
    var loops: [RemoteLoopWatch] = []
    var pools: [RemotePoolWatch] = []
    var ranking = LoopRanking()
    var threads: [Int32: SampledThread] = [:]
    var sweeps = 0
    var nextSweep: MonotonicInstant
    var program: String?
    var recognition: PoolRecognition
    var numbers = 0
    var notes: Set<RemoteNote> = []
    var interruptedUntil: MonotonicInstant
    /// Whether the kernel lets this user look into it: where it does not, that has been told as a note.
    package internal(set) var tellsCalls: Bool
    var hasEnded = false
    private var nextEndCheck: MonotonicInstant
    let stops = ThreadStops()
    let throttling: RemoteThrottling
    let memory: ProcessMemory
    /// What threads of Python are there for, as far as whoever reads their stacks has told.
    var workers: [Int32: PythonWorker] = [:]
    /// How often that was asked in vain.
    var workersUntold: [Int32: Int] = [:]
    /// Whether somebody sees at which jobs its loops are (``note(isOfManyJobs:inIterationFrom:of:now:)``): then they are looked
    /// at soon after they have left their wait.
    package var seesJobs = false
    /// Whether somebody tells it.
    var isToldWorkers = false
    /// Whether there may be one of which that is not known: only what is new has it asked.
    var mayHaveUntold = false
    /// Whether it was told since pools were looked for.
    var mayHavePools = false
    private var nextThreadCheck: MonotonicInstant
    /// How much further apart than they might be looks at loops in their wait are (``setPace(_:)``).
    private(set) var stretch = 1.0
    /// The executors of Python, in the order in which they were found.
    var executors: [PythonWorkQueue?] = []

    /// A thread that is looked at now and then.
    struct SampledThread {
        var comm: String
        var isMain: Bool
        var view: RemoteThread?
        /// Where its latest wait returns to.
        var programCounter: UInt64 = 0
        var samples = 0
    }

    /// Begins to watch a process.
    ///
    /// - Throws: ``RemoteProblem``; what the kernel refuses later is told as notes.
    package init(process identifier: Int32, options: Options, now: MonotonicInstant) throws(RemoteProblem) {
        let process = try RemoteProcess(identifier)
        self.process = process
        self.options = options
        BreakpointCost.measure()
        nextSweep = now
        nextEndCheck = now
        nextThreadCheck = now
        interruptedUntil = now
        throttling = RemoteThrottling(process: identifier)
        memory = ProcessMemory(process: identifier)
        program = process.program
        recognition = Self.recognition(of: process, program: process.program)
        tellsCalls = RemoteThread(process: identifier, thread: identifier).tellsCalls
    }

    static func recognition(of process: RemoteProcess, program: String?) -> PoolRecognition {
        PoolRecognition(mainComm: process.comm, program: program ?? "", processors: ProcessorCount.online)
    }

    /// Looks at the process: call it at the times that ``nextLook(now:)`` tells, from one thread.
    package mutating func look(now: MonotonicInstant) -> [Said] {
        guard !hasEnded else { return [] }
        var said: [Said] = []
        if now >= nextEndCheck, noticeEnd(now: now, into: &said) { return said }
        let before = loops.count
        lookAtLoops(now: now, into: &said)
        if loops.count < before, noticeEnd(now: now, into: &said) { return said }
        if now >= nextSweep { sweep(now: now, into: &said) }
        if isToldWorkers { lookForWorkers(now: now, into: &said) }
        lookAtPools(now: now, into: &said)
        return said
    }

    /// Whether the process has ended; nothing is left to watch then.
    private mutating func noticeEnd(now: MonotonicInstant, into said: inout [Said]) -> Bool {
        nextEndCheck = now.advanced(byNanoseconds: Self.endCheckNanoseconds)
        guard process.hasEnded else { return false }
        hasEnded = true
        forgetAll(now: now, into: &said)
        said.append(.ended)
        return true
    }

    /// Ends what goes on, because the process is not watched any more; it goes on as it did before.
    package mutating func stop(now: MonotonicInstant) -> [Said] {
        var said: [Said] = []
        hasEnded = true
        forgetAll(now: now, into: &said)
        return said
    }

    /// Finds a pool of Python soon after it was begun: one that is filled by the first requests is to be told within a second.
    private mutating func lookForWorkers(now: MonotonicInstant, into said: inout [Said]) {
        if pools.isEmpty, now >= nextThreadCheck {
            nextThreadCheck = now.advanced(byNanoseconds: RemotePoolDetector.lookNanoseconds)
            refreshThreads()
        }
        guard mayHavePools, sweeps >= Self.firstSweeps else { return }
        mayHavePools = false
        addPools(now: now, into: &said)
    }

    /// Time between looks at loops in their wait of which each wait is not timed, in nanoseconds.
    package var waitingLookNanoseconds: Int64 { options.policy.waitingLookNanoseconds(stretchedBy: stretch) }

    /// Changes how often such loops are looked at.
    package mutating func setPace(_ pace: LookPace) {
        guard pace.stretch != stretch else { return }
        stretch = pace.stretch
        for loop in loops { loop.detector.stretch = stretch }
    }

    /// When to look next.
    package func nextLook(now: MonotonicInstant) -> MonotonicInstant {
        var loopsNext: MonotonicInstant?
        for index in loops.indices {
            if let due = loops[index].nextLook { loopsNext = min(loopsNext ?? due, due) }
            if seesJobs, let due = loops[index].nextGlance { loopsNext = min(loopsNext ?? due, due) }
        }
        var next = nextSweep
        for pool in pools { if let due = pool.detector.nextLook() { next = min(next, due) } }
        if let loopsNext, loopsNext <= next.advanced(byNanoseconds: Self.joiningNanoseconds) { next = loopsNext }
        return max(next, now.advanced(byNanoseconds: Self.pauseNanoseconds))
    }

    /// The counters of a loop or pool, with what is going on now.
    package func statistics(
        of target: RemoteTargetIdentity,
        now: MonotonicInstant,
        unixNanoseconds: Int64
    ) -> StallStatistics {
        if let loop = loops.first(where: { $0.identity == target }) {
            return loop.detector.statistics(
                at: now,
                unixNanoseconds: unixNanoseconds,
                interruptions: loop.interruptions
            )
        }
        if let pool = pools.first(where: { $0.identity == target }) {
            return pool.detector.statistics(at: now, unixNanoseconds: unixNanoseconds)
        }
        return StallStatistics()
    }

    /// What a pool does: its threads, those that are busy and idle, its size where it is full, and for how long all that
    /// it can have have been busy.
    package func pool(
        of target: RemoteTargetIdentity
    ) -> (threads: Int, busy: Int, idle: Int, size: Int?, saturatedNanoseconds: Int64, waiting: Int?)? {
        guard let pool = pools.first(where: { $0.identity == target }), let latest = pool.detector.latest else {
            return nil
        }
        let isAsked = swiftJobsMost(of: target) != nil
        return (
            latest.threads, latest.busy, latest.threads - latest.busy, pool.detector.size,
            // Before their stacks are read, busy threads may be at anything.
            isAsked && !pool.detector.isSaturated ? 0 : pool.detector.saturatedNanoseconds, latest.waiting
        )
    }

    /// How often threads were held so that their next wait could be awaited, and for how long at most each time.
    package var waitStops: Histogram { stops.counts.waits }

    /// How often a thread was held meanwhile so that its stack could be copied (``copy(of:)``).
    package var copyStops: Histogram { stops.counts.stacks }

    /// System calls that such a stop had cut short: those that were begun again, and those that could not be.
    package var callsCutShort: (restarted: UInt64, interrupted: UInt64) {
        let counts = stops.counts
        return (counts.callsRestarted, counts.callsInterrupted)
    }

    /// Copies the stack of a thread that runs while its next wait is awaited, which keeps everybody else from stopping it.
    ///
    /// Holds it for some 50 us.
    package func copy(of thread: Int32) -> CopiedThread? {
        loops.first { $0.view.identifier == thread }?.confirmation?.copy()
    }

    /// By which means a loop is watched now.
    package func rung(of target: RemoteTargetIdentity) -> EvidenceRung {
        loops.first { $0.identity == target }?.detector.rung ?? target.rung
    }

    /// Iterations of a loop whose end was recorded.
    package func iterations(of target: RemoteTargetIdentity) -> UInt64 {
        loops.first { $0.identity == target }?.detector.iterations ?? 0
    }

    /// The cause of the block that goes on, if one does.
    package func currentCause(of target: RemoteTargetIdentity) -> Cause? {
        if let pool = pools.first(where: { $0.identity == target }) {
            return pool.detector.isSaturated ? .starvation : nil
        }
        return loops.first { $0.identity == target }?.detector.currentCause
    }

    /// How many threads of a pool have to run Swift's jobs for it to be saturated; `nil` for a pool of which that is not asked.
    package func swiftJobsMost(of target: RemoteTargetIdentity) -> Int? {
        guard case .swiftJobs(let most)? = pools.first(where: { $0.identity == target })?.detector.kind.size else {
            return nil
        }
        return most
    }

    /// The name of a thread, as it was seen last.
    package func name(of thread: Int32) -> String? { threads[thread]?.comm }

    /// Tells that a saturation that was reported is none.
    ///
    /// - Parameter wasTold: whether it had been one before, and was told.
    package mutating func withdraw(wasTold: Bool, of target: RemoteTargetIdentity, now: MonotonicInstant) -> [Said] {
        guard let index = pools.firstIndex(where: { $0.identity == target }) else { return [] }
        var said: [Said] = []
        say(pools[index].detector.withdraw(wasTold: wasTold, at: now), of: target, threads: [], into: &said)
        return said
    }

    /// The end of a stall was written as a warning: people are led to it from the histogram.
    package mutating func stallReported(_ draft: ReportDraft, as report: StallReport, of target: RemoteTargetIdentity) {
        if let index = loops.firstIndex(where: { $0.identity == target }) {
            loops[index].detector.stallReported(draft, as: report)
        } else if let index = pools.firstIndex(where: { $0.identity == target }) {
            pools[index].detector.stallReported(draft, as: report)
        }
    }

    /// Whether this thread is at this instant in its wait call on its primary descriptor: a reader of stacks must not stop
    /// it then.
    ///
    /// True as well for a thread of which that cannot be told.
    package func isWaiting(_ thread: Int32) -> Bool {
        guard let loop = loops.first(where: { $0.view.identifier == thread }) else {
            return RemoteThread(process: process.identifier, thread: thread, isSampled: true).call()?.wait != nil
        }
        guard let call = loop.view.call() else { return true }
        return call.wait?.call == loop.detector.wait
    }

    // MARK: Parts of a look

    private mutating func lookAtLoops(now: MonotonicInstant, into said: inout [Said]) {
        var index = 0
        while index < loops.count {
            // Loops that are due within a fifth of a resolution are served at once.
            let slack = options.policy.lookNanoseconds / 5
            if seesJobs, let due = loops[index].nextGlance, due <= now { loops[index].glance(now: now) }
            guard let due = loops[index].nextLook, due <= now.advanced(byNanoseconds: slack) else {
                index += 1
                continue
            }
            let outcome = loops[index].look()
            if let interruption = outcome.interruption {
                // Each loop of the process tells of it; the part that none has told yet is counted.
                let isNew = interruption.from >= interruptedUntil
                interruptedUntil = max(interruptedUntil, interruption.to)
                if isNew { said.append(.interrupted(interruption)) }
            }
            if !outcome.drafts.isEmpty {
                let (target, thread) = (loops[index].identity, loops[index].view.identifier)
                say(outcome.drafts, of: target, threads: [thread], into: &said)
            }
            for note in outcome.notes { say(note, into: &said) }
            if outcome.isGone {
                forgetLoop(at: index, now: now, into: &said)
            } else {
                index += 1
            }
        }
    }

    /// Lets go of a loop.
    ///
    /// - Parameter isRefuted: whether its thread goes on and is none; what is known of it stays.
    mutating func forgetLoop(at index: Int, isRefuted: Bool = false, now: MonotonicInstant, into said: inout [Said]) {
        let drafts = loops[index].gone(now: now)
        let loop = loops.remove(at: index)
        say(drafts, of: loop.identity, threads: [loop.view.identifier], into: &said)
        said.append(.gone(loop.identity))
        mayHaveUntold = true
        guard !isRefuted else { return }
        ranking.remove(loop.view.identifier)
        threads[loop.view.identifier] = nil
    }

    mutating func forgetAll(now: MonotonicInstant, into said: inout [Said]) {
        while !loops.isEmpty { forgetLoop(at: 0, now: now, into: &said) }
        for index in pools.indices {
            say(pools[index].detector.gone(at: now), of: pools[index].identity, threads: [], into: &said)
            said.append(.gone(pools[index].identity))
        }
        pools = []
        workers = [:]
        workersUntold = [:]
        executors = []
        threads = [:]
        ranking = LoopRanking()
    }

    func say(_ drafts: [ReportDraft], of target: RemoteTargetIdentity, threads: [Int32], into said: inout [Said]) {
        for draft in drafts {
            said.append(.report(draft, of: target, threads: draft.state == .ended ? [] : threads))
        }
    }

    mutating func say(_ note: RemoteNote, into said: inout [Said]) {
        if notes.insert(note).inserted { said.append(.note(note.text)) }
    }
}
