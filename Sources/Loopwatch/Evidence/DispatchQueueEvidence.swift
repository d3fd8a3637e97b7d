// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// Evidence for a serial Dispatch queue: its own words say whether a thread drains it, which, and whether it went on to
/// the next item.
struct DispatchQueueEvidence: Sendable {
    private var owner: ThreadIdentifier?
    private var head: UInt64 = 0
    /// Evidence of the threads that drained the queue lately, most recent last.
    private var threads: [ThreadRecord] = []
    /// Used where one thread owns the queue for good, as the main thread owns the main queue until `dispatchMain()`.
    private var bound = ThreadEvidence()

    private struct ThreadRecord: Sendable {
        var view: ThreadView
        var cpuNanoseconds: Int64?
        var schedule: (delayNanoseconds: Int64, runs: Int64)?
    }

    /// The main thread: its number is that of the process.
    private static let mainThread = ThreadIdentifier(getpid())

    /// Threads that are remembered, so that what they computed since the last look is known.
    private static let threadsMost = 4

    mutating func look(
        _ address: UInt,
        _ layout: DispatchQueueLayout,
        _ context: inout LookContext,
        isBeatOut: Bool,
        wantsBlockStart: Bool
    ) -> EvidenceSource.Look {
        let owner = layout.owner(ofQueueAt: address)
        let head = layout.head(ofQueueAt: address)
        defer {
            self.owner = owner
            self.head = head
        }
        guard let owner else {
            refreshThreads()
            // Items that wait for a thread: the queue's target, or all of Dispatch, may have none for it. Only a beat
            // tells; once one is out, a queue without a thread is one that is not served.
            let isWaiting = head != 0 && !isBeatOut
            return EvidenceSource.Look(
                observation: Observation(instant: context.now, progress: isWaiting ? .unknown : .free)
            )
        }
        if owner == Self.mainThread, bound.identifier == owner {
            let look = bound.look(&context, isBeatOut: isBeatOut, wantsBlockStart: wantsBlockStart)
            if look.observation.progress != .busy { return look }
        }
        var observation = Observation(instant: context.now, progress: .busy, thread: owner)
        // Only taking an item out moves a head that was there; and a queue changes hands only between two jobs.
        // Without a thread before, the item that was taken out is the first one, and none has ended.
        if self.owner != nil, (self.head != 0 && head != self.head) || self.owner != owner {
            observation.progress = .advanced
        }
        examine(owner, &observation, &context, wantsBlockStart: wantsBlockStart)
        return EvidenceSource.Look(observation: observation)
    }

    /// What the thread that was last seen to drain the queue did since the last look.
    mutating func usage(at now: MonotonicInstant) -> ThreadUsage? {
        guard let owner, let index = threads.firstIndex(where: { $0.view.identifier == owner }),
            let before = threads[index].cpuNanoseconds, let cpu = threads[index].view.cpuNanoseconds()
        else { return nil }
        var usage = ThreadUsage(instant: now, computedNanoseconds: max(0, cpu - before))
        let schedule = threads[index].view.schedule()
        if let schedule, let earlier = threads[index].schedule {
            usage.delayedNanoseconds = max(0, schedule.delayNanoseconds - earlier.delayNanoseconds)
        }
        threads[index].cpuNanoseconds = cpu
        threads[index].schedule = schedule
        return usage
    }

    mutating func beatWillBePosted(at instant: MonotonicInstant) {
        bound.beatWillBePosted(at: instant)
    }

    mutating func beatAnswered(_ answer: BeatCell.Answer) {
        bound.beatAnswered(answer)
    }

    private mutating func refreshThreads() {
        for index in threads.indices {
            let cpu = threads[index].view.cpuNanoseconds()
            // A thread whose clock has not moved has not run either.
            if cpu != threads[index].cpuNanoseconds {
                threads[index].cpuNanoseconds = cpu
                threads[index].schedule = threads[index].view.schedule()
            }
        }
        threads.removeAll { $0.cpuNanoseconds == nil }
    }

    private mutating func examine(
        _ owner: ThreadIdentifier,
        _ observation: inout Observation,
        _ context: inout LookContext,
        wantsBlockStart: Bool
    ) {
        let index = threads.firstIndex { $0.view.identifier == owner }
        var record = index.map { threads.remove(at: $0) } ?? ThreadRecord(view: ThreadView(owner))
        if threads.count == Self.threadsMost { threads.removeFirst() }
        let cpu = record.view.cpuNanoseconds()
        if let cpu, let before = record.cpuNanoseconds { observation.computedNanoseconds = max(0, cpu - before) }
        record.cpuNanoseconds = cpu
        let call = record.view.call()
        observation.call = call?.blockingCall
        observation.isReady = call == .running
        let schedule = record.view.schedule()
        if let schedule, let before = record.schedule {
            observation.delayedNanoseconds = max(0, schedule.delayNanoseconds - before.delayNanoseconds)
            observation.runs = max(0, schedule.runs - before.runs)
        } else if let schedule, schedule.runs <= 1 {
            // A thread that was made for this job.
            observation.runs = schedule.runs
            observation.computedNanoseconds = cpu
            observation.delayedNanoseconds = schedule.delayNanoseconds
        }
        record.schedule = schedule
        // Of a thread of which it is not known how often it slept lately, the latest sleep need not be the first.
        if wantsBlockStart, observation.call != nil, observation.runs != nil {
            observation.sleepingSince = record.view.lastRun().flatMap(SchedulerClock.instant)
        }
        threads.append(record)
    }
}
