// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// One body that is checked: from before it begins until all is known.
///
/// Its functions block, but for those that say that the body begins and has ended: call them on a thread of their own.
final class StallCheck: Sendable {
    /// Where the test's failure points.
    let place: SourcePlace
    /// What tasks bear that the body starts.
    let mark: UInt64
    private let threshold: Duration
    private let watch: TestWatch?
    private let isShared: Bool
    private let problems: [Problem]
    private let sequence: UInt64
    private let judge: Mutex<StallJudge>
    /// The body as a target, where it is watched.
    private let registration = Mutex<TargetRegistration?>(nil)
    /// Jobs that had been handed over to the pool when the body ended, by lane.
    private let handedOver = Mutex<[UInt64]>([])

    /// How long it is waited for blocks to end that go on when the body has returned, in nanoseconds.
    private static let endNanosecondsMost: Int64 = 10_000_000_000
    /// How long it is waited for the watch, in nanoseconds: on a machine that is very busy the names of code that is not the
    /// test's, but leads to it, may take seconds.
    private static let answerNanosecondsMost: Int64 = 60_000_000_000
    /// How long it is waited for tasks to begin that were started by then, in nanoseconds: others may have the threads.
    private static let beginNanosecondsMost: Int64 = 1_000_000_000
    private static let marks = Atomic<UInt64>(0x4C57_0000_0000_0000)

    /// Begins to watch.
    init(threshold: Duration, targets: [WatchTarget], place: SourcePlace) {
        self.place = place
        self.threshold = threshold
        mark = Self.marks.wrappingAdd(1, ordering: .relaxed).newValue
        isShared = targets.isEmpty
        var problems: [Problem] = []
        do throws(ConfigurationError) {
            // Loops of other tests may have the same names.
            let watch = try targets.isEmpty ? TestWatches.watch(threshold: threshold) : TestWatch(threshold: threshold)
            let registrations = targets.map { watch.watch.add($0) }
            problems += registrations.compactMap(\.problem).map { Problem(text: "expectNoStall: \($0)") }
            problems += watch.prepare(registrations.filter { $0.problem == nil }.map(\.name))
            self.watch = watch
        } catch {
            problems.append(Problem(text: "expectNoStall checks nothing: \(error)"))
            watch = nil
        }
        self.problems = problems
        let now = Clock.now()
        judge = Mutex(
            StallJudge(
                mark: mark,
                readsMarks: TaskMarks.areRead,
                began: now,
                thresholdNanoseconds: threshold.wholeNanoseconds,
                unixOffsetNanoseconds: Clock.unixNanoseconds() - now.nanoseconds
            )
        )
        sequence = watch?.watch.reports(after: 0).newest ?? 0
        watch?.begin(self)
    }

    /// Runs a synchronous body as a work item of its own, so that it is seen on whatever thread it runs.
    ///
    /// - Throws: what the body throws.
    func runWatched<Value>(_ body: () throws -> Value) rethrows -> Value {
        bodyBegins()
        defer { bodyEnded() }
        judge.withLock { $0.bodyThread = OwnThread.currentIdentifier }
        guard let watch else { return try body() }
        let meter = PoolMeter(judge.withLock { $0.bodyName }, size: 1)
        let registration = watch.watch.add(.metered(meter))
        self.registration.withLock { $0 = registration }
        return try meter.run(meter.enqueued(), body)
    }

    /// Says that the body begins now.
    func bodyBegins() { judge.withLock { $0.began = Clock.now() } }

    /// Says that the body has ended now.
    func bodyEnded() {
        judge.withLock { $0.ended = Clock.now() }
        let lanes = JobCounters.read().lanes.map(\.enqueued)
        handedOver.withLock { $0 = lanes }
    }

    /// Waits for what is still to be known; returns what the test is to be told.
    func finish() -> [Problem] {
        guard let watch else { return problems }
        let judge = judge.withLock { $0 }
        let deadline = Clock.now().advanced(byNanoseconds: Self.endNanosecondsMost)
        let answerDeadline = Clock.now().advanced(byNanoseconds: Self.answerNanosecondsMost)
        let patience = Clock.now().advanced(byNanoseconds: Self.beginNanosecondsMost)
        var problems = problems
        var episodes: [StallEpisode] = []
        while true {
            let isKnown = watch.flush(until: answerDeadline)
            let (reports, newest) = watch.watch.reports(after: sequence)
            episodes = StallEpisode.episodes(of: reports).filter(judge.blames)
            if newest > sequence + UInt64(reports.count) {
                let lost = newest - sequence - UInt64(reports.count)
                problems = self.problems + [Problem(text: "expectNoStall: \(lost) reports came too fast and are lost")]
            }
            let isOpen = episodes.contains { $0.report.state != .ended }
            if isKnown, !isOpen, !mayStillBlock(judge), hasBegunAll || Clock.now() >= patience { break }
            if Clock.now() >= deadline {
                if !isKnown { problems.append(Problem(text: "expectNoStall: the watch did not answer in time")) }
                break
            }
            usleep(2_000)
        }
        watch.end(self)
        registration.withLock { $0?.remove() }
        if isShared { TestWatches.giveBack(watch) } else { watch.watch.stop() }
        problems += episodes.map { Problem(text: StallSentence.text(of: $0, owner: judge.owner(of: $0))) }
        return problems
    }

    /// What is said of a block that goes on while the body runs; `nil` if it is not this body's.
    func sentence(of episode: StallEpisode) -> String? {
        let judge = judge.withLock { $0 }
        return judge.blames(episode) ? StallSentence.text(of: episode, owner: judge.owner(of: episode)) : nil
    }

    /// Whether the tasks have begun that the body started and did not wait for.
    private var hasBegunAll: Bool {
        let lanes = JobCounters.read().lanes
        return handedOver.withLock { before in
            JobLane.ofPool.allSatisfy {
                before.indices.contains($0.rawValue) && lanes[$0.rawValue].started >= before[$0.rawValue]
            }
        }
    }

    /// Whether a job runs that began while the body ran, and has not run for long enough to be a block.
    private func mayStillBlock(_ judge: StallJudge) -> Bool {
        let now = Clock.now()
        return JobReader.running().contains { job in
            guard job.lane.isOfPool || job.lane == .main, job.began >= judge.began,
                job.mark == mark || job.mark == nil && job.began <= judge.ended ?? now
            else { return false }
            return now.nanoseconds(since: job.began) < judge.thresholdNanoseconds + Self.reportNanoseconds
        }
    }

    /// How long after its threshold a block may be reported, in nanoseconds.
    private static let reportNanoseconds: Int64 = 20_000_000
}
