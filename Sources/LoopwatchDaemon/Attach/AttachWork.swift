// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform

/// What the thread of a watched process does: looks at it, reads the stacks of what is blocked, and passes both on.
struct AttachWork: ~Copyable {
    let name: RemoteProcessName
    let watch: Loopwatch
    let options: AttachedProcess.Options
    private let say: @Sendable (String) -> Void
    var process: ProcessWatch
    var reader: RemoteStackReader?
    /// Why stacks cannot be read, where they cannot.
    var readerProblem: String?
    var targets: [RemoteTargetIdentity: (target: RemoteTarget, registration: TargetRegistration)] = [:]
    var queue: [ProcessWatch.Said] = []
    private var nextPublication: MonotonicInstant
    private var hasFoundTarget = false
    /// What the metrics tell of the process as a whole.
    private let record: WatchedProcess
    private var hasToldLines = false
    private var suspensions: UInt64 = 0
    private var suspendedNanoseconds: Int64 = 0
    /// What loops were at a little before their block would be reported.
    var prepared: [RemoteTargetIdentity: Prepared] = [:]
    /// At which jobs loops were seen in the iteration that goes on.
    var sightings: [RemoteTargetIdentity: JobSightings] = [:]
    var budget = CaptureBudget(perSecond: Limits.preparationsPerSecond, now: Clock.now())
    /// Who waits meanwhile, and the most that did while a loop was blocked.
    var acceptQueues: AcceptQueues
    var waitingConnections: [RemoteTargetIdentity: Int] = [:]
    /// When the stacks of a pool's threads told last that they run no jobs of Swift.
    var otherWork: [RemoteTargetIdentity: MonotonicInstant] = [:]
    /// The priority at which all threads of Swift's pool are held.
    var swiftLanes: [RemoteTargetIdentity: JobLane] = [:]
    /// Loops of which a block is told that goes on.
    var blocked: Set<RemoteTargetIdentity> = []
    /// How often loops are looked at whose waits are not each timed.
    private var pace = LookPace(shareMost: Limits.remoteCPUShareMost)
    /// From when on the CPU time of this thread is counted for it, and what that was; `nil` as long as nothing was found.
    private var paceBaseline: (instant: MonotonicInstant, cpuNanoseconds: Int64)?
    /// Whether anything was reported since: what that costs is not saved by looking less often.
    var hasReported = false

    /// What a loop was at.
    struct Prepared {
        /// When the iteration began.
        var since: MonotonicInstant
        var finding: RemoteFinding
    }

    /// For how long files and lines of compiled code are looked for while a report waits, in nanoseconds.
    private static let lineNanoseconds: Int64 = 3_000_000
    /// Time between decisions how often it is looked, in nanoseconds.
    private static let paceNanoseconds: Int64 = 1_000_000_000
    /// Time between publications of the counters while nothing happens, in nanoseconds.
    private static let publicationNanoseconds: Int64 = 100_000_000

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
        record = WatchedProcess(name)
        acceptQueues = AcceptQueues(process: name.identifier)
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
                symbols: RemoteSymbolCache(lineProgram: LineService.program),
                lineNanoseconds: Self.lineNanoseconds
            )
            reader.prepare()
            runtimes = reader.interpreters.map { ", " + $0 }.joined()
            for remark in reader.remarks { say("\(name.name): \(remark)") }
            if reader.tellsPythonWorkers { process.willBeToldWorkers() }
            process.seesJobs = reader.tellsJobs
            self.reader = consume reader
        } catch {
            readerProblem = error.text
            // Where nothing at all is to be seen of it, that was told already.
            if process.tellsCalls { say("\(name.name): stacks cannot be read: \(error.text)") }
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
        tellWorkers()
        let now = Clock.now()
        seeJobs(now: now)
        prepare(now: now)
        keepPace(now: now)
        if now >= nextPublication || isOver { publish(now: now) }
        if isOver {
            if hasFoundTarget { say("\(name.name), process \(name.identifier), has ended") }
            return nil
        }
        return process.nextLook(now: now)
    }

    /// Keeps to the share of a CPU that the watch may cost; what is read once, as the process is found, does not count.
    private mutating func keepPace(now: MonotonicInstant) {
        guard hasFoundTarget else { return }
        if let before = paceBaseline, now.nanoseconds(since: before.instant) < Self.paceNanoseconds { return }
        let cpu = Clock.ownCPUNanoseconds() ?? 0
        if let before = paceBaseline {
            pace.take(
                cpuNanoseconds: cpu - before.cpuNanoseconds,
                elapsedNanoseconds: now.nanoseconds(since: before.instant),
                hasReported: hasReported
            )
            process.setPace(pace)
        }
        hasReported = false
        paceBaseline = (now, cpu)
    }

    /// Ends what goes on, and takes the targets off the watch.
    mutating func finish() {
        queue = []
        for said in process.stop(now: Clock.now()) {
            if case .report(let draft, let identity, _) = said { report(draft, of: identity, threads: []) }
        }
        for identity in Array(targets.keys) { remove(identity) }
        watch.remove(record)
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
        if !hasFoundTarget { watch.add(record) }
        hasFoundTarget = true
        let registration = watch.add(target)
        targets[identity] = (target, registration)
        say("\(name.name): \(identity.subject.rawValue) \(identity.name) is \(Self.summary(of: identity))")
    }

    private mutating func remove(_ identity: RemoteTargetIdentity) {
        prepared[identity] = nil
        sightings[identity] = nil
        blocked.remove(identity)
        waitingConnections[identity] = nil
        otherWork[identity] = nil
        swiftLanes[identity] = nil
        guard let (_, registration) = targets.removeValue(forKey: identity) else { return }
        registration.remove()
    }

    /// Tells what threads of Python are there for, of which their names do not tell it.
    private mutating func tellWorkers() {
        guard reader?.tellsPythonWorkers == true else { return }
        for thread in process.threadsToTell() { process.note(reader!.pythonWorker(thread), of: thread) }
    }

    mutating func publish(now: MonotonicInstant) {
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
                size: process.pool(of: identity)?.size,
                depth: process.pool(of: identity)?.waiting
            )
        }
        if !hasToldLines, reader?.hasGivenUpLines == true {
            hasToldLines = true
            say("\(name.name): its executable's debug information cannot be read: frames are without file and line")
        }
        var state = RemoteProcessSnapshot(process: name)
        state.waitStops = process.waitStops
        if let statistics = reader?.statistics {
            state.stackStops = statistics.stopTimes
            state.callsRestarted = UInt64(statistics.callsRestarted)
            state.callsInterrupted = UInt64(statistics.callsInterrupted)
        }
        state.suspensions = suspensions
        state.suspendedNanoseconds = suspendedNanoseconds
        let cutShort = process.callsCutShort
        state.stackStops.add(process.copyStops)
        state.callsRestarted += cutShort.restarted
        state.callsInterrupted += cutShort.interrupted
        state.lookNanoseconds = process.waitingLookNanoseconds
        record.state = state
    }

    private static func summary(of identity: RemoteTargetIdentity) -> String {
        guard identity.subject == .loop else { return identity.description }
        let rung = identity.rung
        return "\(identity.description); evidence \(rung.grade.rawValue), by \(rung.label): \(rung.guarantee)"
    }

    private mutating func note(_ interruption: Interruption) {
        suspensions += 1
        suspendedNanoseconds += interruption.nanoseconds
        guard interruption.nanoseconds >= options.thresholds.warning.wholeNanoseconds else { return }
        watch.report(interruption, of: name)
    }
}
