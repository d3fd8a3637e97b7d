// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore
internal import Synchronization

/// Counts and times the work items of one pool: handed over, begun, ended, and on which thread.
///
/// The functions for work items are safe from any thread, take no lock and allocate nothing, but for an item that was long.
package final class MeterCounts: Sendable {
    /// An item that runs.
    package struct Run: Sendable {
        /// Negative where every slot was taken.
        fileprivate var slot: Int
        fileprivate var start: Int64
        fileprivate var thread: ThreadIdentifier
    }

    /// Long items that have ended; the oldest are forgotten.
    private struct Long {
        var count: UInt64 = 0
        var jobs: [(job: Job, ended: MonotonicInstant)] = []
    }

    private let slots: MeterSlots
    private let enqueued = Atomic<Int64>(0)
    private let enqueuedSum = Atomic<Int64>(0)
    private let firstEnqueued = Atomic<Int64>(0)
    /// Of items for which there was no slot, or that never ran.
    private let startedElsewhere = Atomic<Int64>(0)
    private let startedEnqueuedSumElsewhere = Atomic<Int64>(0)
    private let untracked = Atomic<UInt64>(0)
    private let depthMaximum = Atomic<Int>(0)
    private let longNanoseconds = Atomic<Int64>(.max)
    private let lost = Atomic<UInt64>(0)
    private let long = Mutex(Long())

    /// Items that are handed over between two times at which it is counted how many wait, so that no peak is missed.
    private static let itemsBetweenDepths: Int64 = 256

    /// Makes counts for a pool of about this many threads.
    package init(threads: Int) { slots = MeterSlots(atLeast: threads * 4) }

    // MARK: Work items

    /// Notes that an item is handed over; returns when, in nanoseconds.
    package func itemEnqueued() -> Int64 {
        let now = Clock.now().nanoseconds
        if firstEnqueued.load(ordering: .relaxed) == 0 {
            _ = firstEnqueued.compareExchange(expected: 0, desired: now, ordering: .relaxed)
        }
        enqueuedSum.wrappingAdd(now, ordering: .relaxed)
        // Released with the item: who sees it run sees it counted.
        let count = enqueued.wrappingAdd(1, ordering: .releasing).newValue
        if count % Self.itemsBetweenDepths == 0 { noteDepth() }
        return now
    }

    /// Notes that an item which was handed over will never run.
    package func itemDropped(enqueuedAt: Int64) {
        startedEnqueuedSumElsewhere.wrappingAdd(enqueuedAt, ordering: .relaxed)
        startedElsewhere.wrappingAdd(1, ordering: .relaxed)
    }

    /// Notes that an item begins on the calling thread.
    ///
    /// - Parameters:
    ///   - enqueuedAt: when it was handed over, in nanoseconds.
    ///   - task: number of its task; 0 where it is none.
    ///   - kind: what it is.
    package func itemBegan(enqueuedAt: Int64, task: UInt64, kind: JobKind) -> Run {
        let thread = OwnThread.currentIdentifier
        guard let slot = slots.take(for: thread) else {
            untracked.wrappingAdd(1, ordering: .relaxed)
            itemDropped(enqueuedAt: enqueuedAt)
            return Run(slot: -1, start: 0, thread: thread)
        }
        let start = Clock.now().nanoseconds
        let wait = max(0, start - enqueuedAt)
        slots.add(slot, .startedEnqueuedSum, enqueuedAt)
        slots.add(slot, .wait, wait)
        slots.noteWait(slot, nanoseconds: wait)
        slots.store(slot, .lastStart, start)
        slots.store(slot, .thread, Int64(thread))
        slots.store(slot, .enqueued, enqueuedAt)
        slots.store(slot, .task, Int64(bitPattern: task))
        slots.store(slot, .kind, Int64(kind.rawValue))
        slots.store(slot, .started, slots.load(slot, .started) &+ 1, .releasing)
        // Last: who sees it sees the rest.
        slots.store(slot, .start, start, .releasing)
        return Run(slot: slot, start: start, thread: thread)
    }

    /// Notes that an item has ended, on the thread on which it began.
    package func itemEnded(_ run: Run) {
        guard run.slot >= 0 else { return }
        let end = Clock.now().nanoseconds
        let length = max(0, end - run.start)
        slots.add(run.slot, .run, length)
        slots.add(run.slot, .ended, 1)
        slots.noteRun(run.slot, nanoseconds: length)
        if length >= longNanoseconds.load(ordering: .relaxed) { noteLong(run, end: end) }
        // After what it is remembered by: who sees it gone finds that.
        slots.store(run.slot, .start, 0, .releasing)
        slots.giveBack(run.slot)
    }

    private func noteLong(_ run: Run, end: Int64) {
        guard let job = job(in: run.slot, began: run.start) else { return }
        // The watchdog reads while it has the lock; it must never wait for a thread that was stopped while it had it.
        let isNoted: Void? = long.withLockIfAvailable { long in
            long.count += 1
            long.jobs.append((job, MonotonicInstant(nanoseconds: end)))
            if long.jobs.count > Limits.meterLongJobs { long.jobs.removeFirst() }
        }
        if isNoted == nil { lost.wrappingAdd(1, ordering: .relaxed) }
    }

    private func noteDepth() {
        let depth = waiting
        while true {
            let before = depthMaximum.load(ordering: .relaxed)
            if depth <= before { return }
            if depthMaximum.compareExchange(expected: before, desired: depth, ordering: .relaxed).exchanged { return }
        }
    }

    // MARK: Reading

    /// Has items remembered that were at least this long, in nanoseconds; the lowest of several counts.
    package func remember(longNanoseconds nanoseconds: Int64) {
        if nanoseconds < longNanoseconds.load(ordering: .relaxed) {
            longNanoseconds.store(nanoseconds, ordering: .relaxed)
        }
    }

    /// Items that wait.
    package var waiting: Int {
        // First those that began: an item that comes meanwhile only makes it more.
        let started = started
        return max(0, Int(enqueued.load(ordering: .acquiring) - started))
    }

    /// Items that have begun.
    package var started: Int64 { slots.sum(.started) + startedElsewhere.load(ordering: .relaxed) }

    /// Whether an item still runs.
    package func isRunning(_ identity: JobIdentity) -> Bool {
        guard Int(identity.slot) < slots.count else { return false }
        return slots.loadAcquiring(Int(identity.slot), .start) == Int64(bitPattern: identity.startTicks)
    }

    /// Forgets an item whose thread has ended within it.
    package func release(_ job: Job) {
        guard isRunning(job.identity) else { return }
        slots.store(Int(job.identity.slot), .start, 0, .releasing)
        slots.giveBack(Int(job.identity.slot))
    }

    /// Where a reader is in the list of long items.
    package struct Cursor: Sendable {
        fileprivate var count: UInt64 = 0
        /// Long items that were forgotten before they were read.
        package var lost: UInt64 = 0

        /// Begins; what ended before is left out.
        package init(_ counts: MeterCounts) { count = counts.long.withLockIfAvailable { $0.count } ?? 0 }
    }

    /// Reads everything, as a pool of one lane.
    package func read(_ cursor: inout Cursor) -> JobReading {
        // First what runs: an item that ends meanwhile is then in both lists, and none is in neither.
        let running = (0..<slots.count).compactMap { slot in
            let start = slots.loadAcquiring(slot, .start)
            return start == 0 ? nil : job(in: slot, began: start)
        }
        var ended: [JobReading.Ended] = []
        let (before, alreadyLost) = (cursor.count, lost.load(ordering: .relaxed))
        if let (count, jobs) = long.withLockIfAvailable({ ($0.count, $0.jobs) }) {
            let new = jobs.suffix(Int(clamping: count - before))
            ended = new.map { JobReading.Ended(job: $0.job, ended: $0.ended) }
            cursor.lost = alreadyLost + cursor.lost + (count - before - UInt64(new.count))
            cursor.count = count
        }
        let identities = Set(ended.map(\.job.identity))
        let began = started
        let latest = (0..<slots.count).reduce(0) { max($0, slots.load($1, .lastStart)) }
        let first = firstEnqueued.exchange(0, ordering: .relaxed)
        var lanes = Array(repeating: JobReading.Lane(), count: JobLane.allCases.count)
        lanes[JobLane.unspecified.rawValue] = JobReading.Lane(
            enqueued: UInt64(max(began, enqueued.load(ordering: .acquiring))),
            started: UInt64(began),
            lastStart: latest == 0 ? nil : MonotonicInstant(nanoseconds: latest),
            firstEnqueued: first == 0 ? nil : MonotonicInstant(nanoseconds: first)
        )
        return JobReading(
            instant: Clock.now(),
            lanes: lanes,
            running: running.filter { !identities.contains($0.identity) },
            ended: ended
        )
    }

    /// The counters, as a scrape wants them.
    package func counters() -> JobCountersReading {
        noteDepth()
        let running = (0..<slots.count).map { slots.loadAcquiring($0, .start) }.filter { $0 != 0 }
        let began = started
        let enqueued = max(began, enqueued.load(ordering: .acquiring))
        let startedSum = slots.sum(.startedEnqueuedSum) &+ startedEnqueuedSumElsewhere.load(ordering: .relaxed)
        let now = Clock.now().nanoseconds
        let (wait, run) = (slots.sum(.wait), slots.sum(.run))
        // The sum over those that wait of how long they have: their number times now, less the times at which they came.
        let waiting = enqueued - began
        let queued = waiting == 0 ? 0 : waiting &* now &- (enqueuedSum.load(ordering: .relaxed) &- startedSum)
        var lanes = Array(repeating: JobCountersReading.Lane(), count: JobLane.allCases.count)
        lanes[JobLane.unspecified.rawValue] = JobCountersReading.Lane(
            enqueued: UInt64(enqueued),
            started: UInt64(began),
            waitNanoseconds: wait,
            queuedNanoseconds: wait + max(0, queued),
            runNanoseconds: run,
            busyNanoseconds: run + running.reduce(0) { $0 + max(0, now - $1) },
            running: running.count,
            depthMaximum: depthMaximum.load(ordering: .relaxed)
        )
        func histograms(_ counts: [UInt64], total: Int64, sum: Int64) -> [Histogram] {
            var counts = counts
            let above = counts.reduce(0, &+)
            counts[0] = UInt64(max(0, total)) > above ? UInt64(total) - above : 0
            let own = Histogram(edges: .lag, counts: counts, sumNanoseconds: sum)
            return JobGroup.allCases.map { $0 == .pool ? own : Histogram(edges: .lag) }
        }
        return JobCountersReading(
            lanes: lanes,
            waits: histograms(slots.waits(), total: slots.sum(.started), sum: wait),
            runs: histograms(slots.runs(), total: slots.sum(.ended), sum: run),
            kinds: JobKind.allCases.map { _ in 0 },
            untracked: untracked.load(ordering: .relaxed)
        )
    }

    private func job(in slot: Int, began start: Int64) -> Job? {
        let thread = Int32(truncatingIfNeeded: slots.load(slot, .thread))
        let task = UInt64(bitPattern: slots.load(slot, .task))
        let kind = JobKind(rawValue: Int(slots.load(slot, .kind))) ?? .other
        // What was read is of another item if that is the one there now.
        atomicMemoryFence(ordering: .acquiring)
        guard slots.load(slot, .start) == start else { return nil }
        return Job(
            identity: JobIdentity(slot: UInt32(slot), startTicks: UInt64(bitPattern: start)),
            thread: thread,
            began: MonotonicInstant(nanoseconds: start),
            lane: .unspecified,
            kind: kind,
            task: task == 0 ? nil : task
        )
    }
}
