// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

/// Runs a body with a watch of Swift's pool, once it is settled how that is accounted.
func withPoolWatch(
    _ change: (inout WatchConfiguration) -> Void = { _ in },
    _ body: (Loopwatch, ReportRecorder) throws -> Void
) throws {
    try withWatch({
        $0.watchesGlobalExecutor = true
        $0.reportBurst = 1_000
        change(&$0)
    }) { watch, recorder in
        try watch.waitUntilAccounted()
        try body(watch, recorder)
    }
}

/// Threads that each priority of Swift's pool has.
let poolWidth = Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))

extension Loopwatch {
    /// What accounting tells of Swift's pool.
    func jobs() throws -> JobPoolSnapshot {
        guard let jobs = snapshot().pools.first(where: { $0.name == "swift" })?.jobs else {
            throw NeverHappened(description: "Swift's pool is not watched")
        }
        return jobs
    }

    /// Waits until it is settled how Swift's pool is accounted.
    func waitUntilAccounted() throws {
        try eventually("it is settled how the pool is accounted") { try jobs().accounting.isSettled }
    }

    /// Waits until nothing runs in Swift's pool, and nothing waits.
    func waitUntilIdle() throws {
        try eventually("the pool is idle") {
            guard let counters = try jobs().counters else { return false }
            return counters.sum(.pool, \.running) == 0 && counters.sum(.pool, \.waiting) == 0
        }
    }

    /// Whether the process had the CPU that it wanted all the time: where other processes have it, a short job may hold a
    /// thread for long, and nobody is to blame.
    var hadItsCPU: Bool {
        let watchdog = snapshot().watchdog
        return watchdog.starvations == 0 && watchdog.suspensions == 0 && watchdog.missedWakeups == 0
    }

    /// The value of a series of Swift's pool.
    func poolMetric(_ name: String, _ labels: String = "") -> Double? {
        metric("\(name){process=\"tests\",pool=\"swift\"\(labels)}")
    }
}

/// Holds threads of a pool by a semaphore until it is released, and measures for how long each was held.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let times = Guarded<(began: [MonotonicInstant], ended: [MonotonicInstant])>(([], []))

    /// Blocks the calling thread.
    func block() {
        let began = Clock.now()
        times.withLock { $0.began.append(began) }
        waitForSignalOfTest(semaphore)
        let ended = Clock.now()
        times.withLock { $0.ended.append(ended) }
    }

    /// How many threads it holds, or held.
    var count: Int { times.withLock { $0.began.count } }
    /// How many it holds no more.
    var ended: Int { times.withLock { $0.ended.count } }
    /// When it first held a thread, and when it last let one go.
    var span: (began: MonotonicInstant, ended: MonotonicInstant)? {
        times.withLock { times in
            guard let began = times.began.min(), let ended = times.ended.max() else { return nil }
            return (began, ended)
        }
    }
    /// How long that was, in nanoseconds.
    var nanoseconds: Int64 { span.map { $0.ended.nanoseconds(since: $0.began) } ?? 0 }

    /// Waits until it holds so many threads.
    func wait(for count: Int) throws {
        try eventually("\(count) threads are held") { self.count >= count }
    }

    /// Lets so many threads go.
    func release(_ count: Int = 1) { for _ in 0..<count { semaphore.signal() } }
}

/// What a pool's thread is blocked in: a function that reports name.
@inline(never)
func waitForSignalOfTest(_ semaphore: DispatchSemaphore) {
    semaphore.wait()
    // Something after the wait, so that this function is still there while it waits.
    keepForTest(semaphore)
}

@inline(never)
private func keepForTest(_ semaphore: DispatchSemaphore) { withExtendedLifetime(semaphore) {} }

extension ReportRecorder {
    /// The reports so far that tell of the application: not of the whole process, and not of a thread that the machine,
    /// which others use too, kept from running.
    var ownReports: [StallReport] { reports.filter { $0.cause != .runqueue && $0.cause != .throttled } }
}

/// Has the names of the code found that holds threads in tests, so that later reports have them at once.
func warmUp(_ recorder: ReportRecorder) throws {
    let gate = Gate()
    let before = recorder.all.count
    Task.detached { gate.block() }
    try gate.wait(for: 1)
    let begun = try recorder.wait(for: "the report of the first hold") { $0.kind == .hold && $0.state == .begun }
    gate.release()
    try recorder.wait(for: "its end") { $0.stall == begun.stall && $0.state == .ended }
    #expect(before == 0)
}
