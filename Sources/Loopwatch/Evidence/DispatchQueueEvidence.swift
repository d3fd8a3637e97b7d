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
    /// When it was last seen without a thread.
    private var hadNoThread: MonotonicInstant?
    /// The thread that drains it, as it was at the latest look.
    private var worker: DispatchWorkers.Worker?
    /// Used where one thread owns the queue for good, as the main thread owns the main queue until `dispatchMain()`.
    private var bound = ThreadEvidence()

    /// The main thread: its number is that of the process.
    private static let mainThread = ThreadIdentifier(getpid())

    /// Whether the queue had no thread and no item at the latest look: without a thread that runs it gets neither.
    var wasIdle: Bool { owner == nil && head == 0 }

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
            worker = nil
            hadNoThread = context.now
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
        guard let owner, worker?.view.identifier == owner, let before = worker?.cpuNanoseconds,
            let earlier = worker?.schedule, worker?.read() == true
        else { return nil }
        var usage = ThreadUsage(
            instant: now,
            computedNanoseconds: max(0, (worker?.cpuNanoseconds ?? before) - before)
        )
        if let schedule = worker?.schedule {
            usage.delayedNanoseconds = max(0, schedule.delayNanoseconds - earlier.delayNanoseconds)
        }
        return usage
    }

    mutating func beatWillBePosted(at instant: MonotonicInstant) {
        bound.beatWillBePosted(at: instant)
    }

    mutating func beatAnswered(_ answer: BeatCell.Answer) {
        bound.beatAnswered(answer)
    }

    private mutating func examine(
        _ owner: ThreadIdentifier,
        _ observation: inout Observation,
        _ context: inout LookContext,
        wantsBlockStart: Bool
    ) {
        // Of one that served another queue it is known what it has done since the pass before.
        let before = worker.flatMap { $0.view.identifier == owner ? $0 : nil } ?? context.workers.worker(owner)
        context.workers.note(owner)
        var now = before
        guard now.read() else {
            worker = nil
            return
        }
        worker = now
        if let cpu = now.cpuNanoseconds, let earlier = before.cpuNanoseconds {
            observation.computedNanoseconds = max(0, cpu - earlier)
        }
        let call = now.view.call()
        observation.call = call?.blockingCall
        observation.isReady = call == .running
        if let schedule = now.schedule, let earlier = before.schedule {
            observation.delayedNanoseconds = max(0, schedule.delayNanoseconds - earlier.delayNanoseconds)
            observation.runs = max(0, schedule.runs - earlier.runs)
        } else if let schedule = now.schedule, schedule.runs <= 1 {
            // A thread that was made for this job.
            observation.runs = schedule.runs
            observation.computedNanoseconds = now.cpuNanoseconds
            observation.delayedNanoseconds = schedule.delayNanoseconds
        } else if call == .running, let cpu = now.cpuNanoseconds, let schedule = now.schedule,
            let elapsed = hadNoThread.map({ context.now.nanoseconds(since: $0) }),
            let active = BlockStart.activeAtMost(
                computed: cpu,
                delayed: schedule.delayNanoseconds,
                sinceFree: elapsed
            )
        {
            observation.computedNanoseconds = active.computed
            observation.delayedNanoseconds = active.delayed
        }
        // Of a thread of which it is not known how often it slept lately, the latest sleep need not be the first.
        if wantsBlockStart, observation.call != nil, observation.runs != nil {
            observation.sleepingSince = now.view.lastRun().flatMap(SchedulerClock.instant)
        }
    }
}
