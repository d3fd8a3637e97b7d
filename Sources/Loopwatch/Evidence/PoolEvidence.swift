// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Evidence for a pool, any thread of which may answer a beat.
///
/// A pool that was free stays free for as long as no thread of the host runs: nothing can have begun. The CPU clock of the
/// process tells, so an idle process is not woken for beats. The proof begins with an answered beat: nobody but the
/// threads that answer beats ran since the look before, and they have all gone back to their common wait for work.
///
/// While a beat waits, the frames of those threads tell whether one of them goes on to another job: then the pool is not
/// blocked, there is much to do.
struct PoolEvidence: Sendable {
    private var threads: [PoolThread] = []
    private var recognizer = ParkRecognizer()
    private var signature: WaitSignature?
    private var hostCPUNanoseconds: Int64?
    private var lookedAt: MonotonicInstant?
    private var wasAnswered = false
    private var isProven = false

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
        let usedByThreads = refreshThreads(hadFree: !isBeatOut && (wasAnswered || isProven))
        let calls = threads.map { $0.view.call() }
        let signatures = Set(calls.map { $0?.waitSignature?.ofAnyThread })
        signature = signatures.count == 1 ? signatures.first.flatMap { $0 } : nil
        if !isBeatOut, wasAnswered, let used, used - usedByThreads <= Self.clockToleranceNanoseconds, let signature,
            recognizer.isPark(signature)
        {
            isProven = true
            observation.progress = .free
        } else {
            // It was free up to the latest look, and now a thread does something else than to wait for work: whether it
            // answers the beat that is posted now is seen soon.
            observation.isAsleepElsewhere = isProven && calls.contains { !waitsForWork($0) }
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
        if isBeatOut, hasAdvanced(calls) { observation.progress = .advanced }
        if isBeatOut, wantsBlockStart {
            observation.sleepingSince = takenSince(calls, now: context.now, before: lookedAt)
        }
        lookedAt = context.now
        hostCPUNanoseconds = host
        if !isBeatOut { wasAnswered = false }
        return observation
    }

    /// Whether a thread sleeps in the call in which those of the pool wait for work, or it is not known what it does.
    private func waitsForWork(_ call: ThreadCall?) -> Bool {
        guard let call else { return true }
        return call.waitSignature.map { recognizer.isPark($0.ofAnyThread) } ?? false
    }

    /// Threads that answered beats lately.
    var threadIdentifiers: [ThreadIdentifier] { threads.map(\.view.identifier) }

    mutating func beatWillBePosted() {
        recognizer.beatPosted(whileIn: signature)
    }

    mutating func beatAnswered(_ answer: BeatCell.Answer, cell: BeatCell, beat: @escaping @Sendable () -> Void) {
        noteThread(of: answer)
        let noted = cell.takeFrames(of: beat)
        for index in threads.indices {
            let isItsOwn = threads[index].view.identifier == answer.thread
            threads[index].beatAnswered(isItsOwn ? noted : nil)
        }
        if threads.contains(where: \.lacksFrames) { cell.forgetFrames() }
    }

    private mutating func noteThread(of answer: BeatCell.Answer) {
        let isKnown = threads.contains { $0.view.identifier == answer.thread }
        recognizer.beatAnswered(
            afterNanoseconds: answer.ran.nanoseconds(since: answer.posted),
            bySameThread: isKnown
        )
        wasAnswered = true
        guard !isKnown else { return }
        if threads.count == Self.threadsMost { threads.removeFirst() }
        threads.append(PoolThread(answer.thread))
    }

    /// Whether any thread went on to another job since the look before, though the beat that is out was not its turn yet:
    /// there are many short jobs.
    private mutating func hasAdvanced(_ calls: [ThreadCall?]) -> Bool {
        var hasAdvanced = false
        for (index, call) in zip(threads.indices, calls)
        where threads[index].hasAdvanced(isWaiting: call != nil && waitsForWork(call)) {
            hasAdvanced = true
        }
        return hasAdvanced
    }

    /// Reads the threads' clocks; returns what they used since the last time, and forgets those that have ended.
    ///
    /// - Parameter hadFree: whether a thread of the pool was free since the last time.
    private mutating func refreshThreads(hadFree: Bool) -> Int64 {
        threads = threads.compactMap { thread in
            var thread = thread
            return thread.read(hadFree: hadFree) ? thread : nil
        }
        return threads.reduce(0) { $0 + $1.usedNanoseconds }
    }

    /// Since when the pool has no thread left: the moment at which a job took the last of those that are known; `nil` if one
    /// of them is not known to be in one.
    private func takenSince(
        _ calls: [ThreadCall?],
        now: MonotonicInstant,
        before: MonotonicInstant?
    ) -> MonotonicInstant? {
        guard !threads.isEmpty else { return nil }
        var latest: MonotonicInstant?
        for (thread, call) in zip(threads, calls) {
            guard let taken = thread.takenSince(call, now: now, before: before) else { return nil }
            latest = latest.map { max($0, taken) } ?? taken
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
