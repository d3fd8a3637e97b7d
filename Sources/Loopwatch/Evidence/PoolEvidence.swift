// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Evidence for a pool, any thread of which may answer a beat.
///
/// A pool that was free stays free for as long as no thread of the host runs: nothing can have begun. The CPU clock of the
/// process tells, so an idle process is not woken for beats. The proof begins with an answered beat: nobody but the
/// threads that answer beats ran since the look before, and they have all gone back to their common wait for work.
struct PoolEvidence: Sendable {
    private var threads: [PoolThread] = []
    private var recognizer = ParkRecognizer()
    private var signature: WaitSignature?
    private var hostCPUNanoseconds: Int64?
    private var lookedAt: MonotonicInstant?
    private var wasAnswered = false
    private var isProven = false

    /// A thread that answered a beat.
    private struct PoolThread: Sendable {
        var view: ThreadView
        var cpuNanoseconds: Int64
    }

    /// Threads that are remembered; those that answered longest ago are forgotten.
    private static let threadsMost = 16
    /// What the difference of two readings of CPU clocks may be off by, in nanoseconds.
    private static let clockToleranceNanoseconds: Int64 = 5_000

    mutating func look(_ context: inout LookContext, isBeatOut: Bool, wantsBlockStart: Bool) -> Observation {
        var observation = Observation(instant: context.now, progress: .unknown)
        let host = context.hostCPUNanoseconds()
        let used = host.flatMap { now in hostCPUNanoseconds.map { now - $0 } }
        if !isBeatOut, isProven, let used, used <= Self.clockToleranceNanoseconds {
            observation.progress = .free
            return observation
        }
        let usedByThreads = refreshThreads()
        let calls = threads.map { $0.view.call() }
        let signatures = Set(calls.map { $0?.waitSignature?.ofAnyThread })
        signature = signatures.count == 1 ? signatures.first.flatMap { $0 } : nil
        if !isBeatOut, wasAnswered, let used, used - usedByThreads <= Self.clockToleranceNanoseconds, let signature,
            recognizer.isPark(signature)
        {
            isProven = true
            observation.progress = .free
        } else {
            isProven = false
        }
        if isBeatOut, let used, let before = lookedAt {
            let ready = min(calls.count { $0 == .running }, ProcessorCount.logical)
            let elapsed = context.now.nanoseconds(since: before)
            // Threads of this pool are ready and get less than half of the time, and it is not this process that has it.
            observation.isKeptFromCPU =
                ready > 0 && usedByThreads * 2 < elapsed * Int64(ready)
                && used * 4 < elapsed * Int64(ProcessorCount.logical) * 3
        }
        lookedAt = context.now
        hostCPUNanoseconds = host
        if !isBeatOut { wasAnswered = false }
        // Threads that ran since the last look may sleep again and again: their latest sleep is not the beginning.
        if isBeatOut, wantsBlockStart, usedByThreads == 0 { observation.sleepingSince = sleepingSince(calls) }
        return observation
    }

    /// Threads that answered beats lately.
    var threadIdentifiers: [ThreadIdentifier] { threads.map(\.view.identifier) }

    mutating func beatWillBePosted() {
        recognizer.beatPosted(whileIn: signature)
    }

    mutating func beatAnswered(_ answer: BeatCell.Answer) {
        let isKnown = threads.contains { $0.view.identifier == answer.thread }
        recognizer.beatAnswered(
            afterNanoseconds: answer.ran.nanoseconds(since: answer.posted),
            bySameThread: isKnown
        )
        wasAnswered = true
        guard !isKnown else { return }
        if threads.count == Self.threadsMost { threads.removeFirst() }
        let view = ThreadView(answer.thread)
        threads.append(PoolThread(view: view, cpuNanoseconds: view.cpuNanoseconds() ?? 0))
    }

    /// Reads the threads' clocks; returns what they used since the last time, and forgets those that have ended.
    private mutating func refreshThreads() -> Int64 {
        var used: Int64 = 0
        threads = threads.compactMap { thread in
            guard let now = thread.view.cpuNanoseconds() else { return nil }
            used += max(0, now - thread.cpuNanoseconds)
            return PoolThread(view: thread.view, cpuNanoseconds: now)
        }
        return used
    }

    /// Since when the pool has no thread left: the moment at which the last of its threads went to sleep within a job;
    /// `nil` unless all that are known sleep.
    private func sleepingSince(_ calls: [ThreadCall?]) -> MonotonicInstant? {
        guard !threads.isEmpty, calls.allSatisfy({ $0?.blockingCall != nil }) else { return nil }
        var latest: MonotonicInstant?
        for thread in threads {
            guard let slept = thread.view.lastRun().flatMap(SchedulerClock.instant) else { return nil }
            latest = latest.map { max($0, slept) } ?? slept
        }
        return latest
    }
}

extension WaitSignature {
    /// The signature without what tells one thread's wait from another's.
    fileprivate var ofAnyThread: WaitSignature {
        WaitSignature(number: number, firstArgument: firstArgument, stackPointer: 0)
    }
}
