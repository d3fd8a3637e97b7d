// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// A watch that tests use, and what it takes until it sees everything.
final class TestWatch: Sendable {
    /// The watch.
    let watch: Loopwatch
    /// From which length on it finds blocks.
    let threshold: Duration
    private let hanging: HangingTests

    /// How long it is waited for that the pool is accounted, in nanoseconds: its threads may be held by other tests.
    private static let accountingNanoseconds: Int64 = 2_000_000_000
    /// How long for the main actor and for given loops to be seen to work, in nanoseconds; where nothing serves the main actor
    /// it is waited in vain.
    private static let answerNanoseconds: Int64 = 200_000_000
    private static let isMainActorAsked = Atomic(false)
    private static let areMarksLearned = Atomic(false)

    /// Starts a watch.
    init(threshold: Duration) throws(ConfigurationError) {
        let hanging = HangingTests()
        var configuration = WatchConfiguration()
        configuration.thresholds = Thresholds(warning: threshold)
        configuration.endpoint = nil
        configuration.poolsLimit = Limits.poolsMaximum
        configuration.reportBurst = Limits.reportBurstMaximum
        configuration.processName = "tests"
        configuration.log = [.closure { report, _ in hanging.heard(report) }]
        watch = try Loopwatch.start(configuration)
        self.threshold = threshold
        self.hanging = hanging
    }

    /// Waits until all that can be seen is; returns what cannot, in words.
    func prepare(_ targets: [String]) -> [Problem] {
        var problems: [Problem] = []
        for component in watch.snapshot().components where !component.isUp {
            problems.append(
                Problem(text: "expectNoStall sees nothing: Loopwatch's \(component.name) could not be started")
            )
        }
        let status = waitForAccounting()
        if status?.mode != .exact {
            problems.append(
                Problem(
                    text:
                        "expectNoStall sees only blocks of the whole pool here, not of one of its threads: Swift's pool is "
                        + "not accounted exactly (\(status.map { $0.reason ?? $0.mode.label } ?? "it is not watched"))",
                    isFailure: false
                )
            )
        } else if !Self.areMarksLearned.exchange(true, ordering: .relaxed) {
            TaskMarks.learn()
            _ = wait(Self.answerNanoseconds) { TaskMarks.areRead }
        }
        if !Self.isMainActorAsked.exchange(true, ordering: .relaxed) { Task { @MainActor in } }
        _ = wait(Self.answerNanoseconds) { watch.snapshot().loops.contains { $0.name == "main-actor" } }
        for name in targets where !wait(Self.answerNanoseconds, { hasAnswered(name) }) {
            problems.append(Problem(text: "loop \(name) did not run anything before the body began", isFailure: false))
        }
        return problems
    }

    /// Has everything reported that has happened up to now; returns whether that is so.
    func flush(until deadline: MonotonicInstant) -> Bool {
        guard let signal = try? WakeSignal() else { return false }
        watch.flush { signal.wake() }
        return signal.wait(until: deadline)
    }

    /// Has standard error told of blocks that do not end while a test runs.
    func begin(_ check: StallCheck) { hanging.begin(check) }

    /// Ends that.
    func end(_ check: StallCheck) { hanging.end(check) }

    private func waitForAccounting() -> PoolAccountingStatus? {
        func status() -> PoolAccountingStatus? {
            watch.snapshot().pools.lazy.compactMap(\.jobs).map(\.accounting).first
        }
        _ = wait(Self.accountingNanoseconds) { status()?.isSettled ?? true }
        return status()
    }

    private func hasAnswered(_ name: String) -> Bool {
        let snapshot = watch.snapshot()
        let all = snapshot.loops.map { ($0.name, $0.statistics) } + snapshot.pools.map { ($0.name, $0.statistics) }
        return all.contains { $0.0 == name && ($0.1.lag.count > 0 || $0.1.parkChecks > 0) }
    }

    private func wait(_ nanoseconds: Int64, _ condition: () -> Bool) -> Bool {
        let deadline = Clock.now().advanced(byNanoseconds: nanoseconds)
        while !condition() {
            let now = Clock.now()
            if now >= deadline { return false }
            // It looks where something may have changed.
            _ = flush(until: min(deadline, now.advanced(byNanoseconds: 20_000_000)))
            usleep(500)
        }
        return true
    }
}
