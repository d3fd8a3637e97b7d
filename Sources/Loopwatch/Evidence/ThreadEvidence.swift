// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// Evidence for a loop that one thread serves: the thread's CPU clock and the call it sleeps in.
///
/// A loop that was seen in its own wait call, and whose CPU clock has not moved since, still waits there. That proof
/// costs 0.4 us and touches nothing.
struct ThreadEvidence: Sendable {
    private var view: ThreadView?
    private var recognizer = ParkRecognizer()
    private var hasParked = false
    private var threadChanges = 0
    private var cpuNanoseconds: Int64?
    private var schedule: (delayNanoseconds: Int64, runs: Int64)?
    private var parked: Parked?
    private var signature: WaitSignature?
    private var progress = JobProgress()
    /// The call that the thread slept in at the last look, if a beat was out.
    private var sleep: ThreadCall?
    /// When the clocks were last read: the answer to a beat is taken in the same pass as the look that follows.
    private var clocksReadAt: MonotonicInstant?
    private var posted: (instant: MonotonicInstant, signature: WaitSignature?, cpuNanoseconds: Int64?)?

    /// The last look at which the loop waited.
    private struct Parked: Sendable {
        var cpuNanoseconds: Int64
        /// CPU time of all other threads of the host then.
        var othersCPUNanoseconds: Int64?
        /// Whether the call is known to be one in which the loop waits for work.
        var isRecognized: Bool
        /// Whether the wait call belongs to this thread alone.
        var isOwnDescriptor: Bool
    }

    /// More changes of thread than this, and the target is not one thread's: a serial executor over a pool.
    private static let threadChangesMost = 3
    /// A thread that is to be woken by a beat does not sleep longer than this, in nanoseconds.
    private static let wakeNanoseconds: Int64 = 2_000_000
    /// What the difference of two readings of CPU clocks may be off by, in nanoseconds.
    private static let clockToleranceNanoseconds: Int64 = 5_000

    /// Whether the thread waits in its own call as at the last look, and has not run since: no more than its clock is
    /// read.
    ///
    /// - Parameter isResting: whether it is known that no thread of the process has run since then.
    func isStillParked(isResting: Bool) -> Bool {
        guard let parked, parked.isRecognized, let view else { return false }
        return isResting || parked.isOwnDescriptor && view.cpuNanoseconds() == parked.cpuNanoseconds
    }

    /// The thread, once it is known.
    var identifier: ThreadIdentifier? { view?.identifier }

    mutating func look(_ context: inout LookContext, isBeatOut: Bool, wantsBlockStart: Bool) -> EvidenceSource.Look {
        var observation = Observation(instant: context.now, progress: .unknown)
        guard view != nil, threadChanges <= Self.threadChangesMost else {
            return EvidenceSource.Look(observation: observation)
        }
        let isJustRead = clocksReadAt == context.now
        guard let cpu = isJustRead ? cpuNanoseconds : view!.cpuNanoseconds() else {
            defer { forget() }
            return EvidenceSource.Look(observation: observation, isGone: hasParked)
        }
        observation.thread = view!.identifier
        observation.computedNanoseconds = cpuNanoseconds.map { max(0, cpu - $0) }
        let hasRun = cpu != cpuNanoseconds
        cpuNanoseconds = cpu
        if !isBeatOut, let parked, isStill(parked, cpuNanoseconds: cpu, &context) {
            observation.progress = .free
            return EvidenceSource.Look(observation: observation)
        }
        let call = view!.call()
        // One that waits for a CPU is told apart by its call.
        let sleptOn = isBeatOut && !hasRun && !isJustRead && call == sleep && call?.isInside == true
        sleep = isBeatOut ? call : nil
        let now = isJustRead || sleptOn ? schedule : view!.schedule()
        if let now, let schedule {
            observation.delayedNanoseconds = max(0, now.delayNanoseconds - schedule.delayNanoseconds)
            observation.runs = max(0, now.runs - schedule.runs)
        }
        schedule = now
        signature = call?.waitSignature
        if let signature {
            if isBeatOut {
                refuteIfAsleep(signature, cpuNanoseconds: cpu, now: context.now)
            } else if recognizer.isPark(signature), isParkProven(cpuNanoseconds: cpu, signature, &context) {
                park(signature, cpuNanoseconds: cpu, &context)
                observation.progress = .free
                return EvidenceSource.Look(observation: observation)
            } else {
                // It may wait for work or for something else: a beat tells. Where it mostly waits for work, not often.
                park(signature, cpuNanoseconds: cpu, &context)
                observation.isProcessQuiet = recognizer.isPark(signature)
                observation.isAsleepElsewhere = hasParked && !recognizer.isPark(signature)
                return EvidenceSource.Look(observation: observation)
            }
        }
        parked = nil
        observation.progress = call == nil ? .unknown : .busy
        // What has not run is where it was, with the frames that it had.
        if !sleptOn, progress.hasAdvanced(), isBeatOut { observation.progress = .advanced }
        observation.call = call?.blockingCall
        observation.isReady = call == .running
        // Of a thread of which it is not known how often it slept lately, the latest sleep need not be the first.
        if wantsBlockStart, observation.call != nil, observation.runs != nil {
            observation.sleepingSince = view!.lastRun().flatMap(SchedulerClock.instant)
        }
        return EvidenceSource.Look(observation: observation)
    }

    /// What the thread did since the last look.
    mutating func usage(at now: MonotonicInstant) -> ThreadUsage? {
        guard let view, threadChanges <= Self.threadChangesMost, let before = cpuNanoseconds,
            let cpu = view.cpuNanoseconds()
        else { return nil }
        var usage = ThreadUsage(instant: now, computedNanoseconds: max(0, cpu - before))
        cpuNanoseconds = cpu
        let current = view.schedule()
        if let current, let schedule {
            usage.delayedNanoseconds = max(0, current.delayNanoseconds - schedule.delayNanoseconds)
        }
        schedule = current
        clocksReadAt = now
        return usage
    }

    mutating func beatWillBePosted(at instant: MonotonicInstant) {
        posted = (instant, signature, cpuNanoseconds)
        recognizer.beatPosted(whileIn: signature)
    }

    mutating func beatAnswered(_ answer: BeatCell.Answer, cell: BeatCell, beat: @escaping @Sendable () -> Void) {
        beatAnswered(answer)
        if progress.lacksFrames { progress.take(cell.takeFrames(of: beat)) }
        progress.beatAnswered()
        if progress.lacksFrames { cell.forgetFrames() }
    }

    mutating func beatAnswered(_ answer: BeatCell.Answer) {
        let isSame = answer.thread == view?.identifier
        recognizer.beatAnswered(
            afterNanoseconds: answer.ran.nanoseconds(since: answer.posted),
            bySameThread: isSame
        )
        posted = nil
        guard !isSame else { return }
        if view != nil { threadChanges += 1 }
        forget()
        view = ThreadView(answer.thread)
    }

    // MARK: Parking

    /// Whether a thread that was seen waiting still waits, without having run in between.
    private func isStill(_ parked: Parked, cpuNanoseconds: Int64, _ context: inout LookContext) -> Bool {
        guard parked.cpuNanoseconds == cpuNanoseconds, parked.isRecognized else { return false }
        return parked.isOwnDescriptor || othersWereIdle(since: parked, thisThreadComputed: 0, &context)
    }

    /// Whether a recognized wait call proves that the target waits.
    ///
    /// An epoll descriptor belongs to one loop. A futex may be the common wait of a pool's threads, one of which happened
    /// to answer all beats so far: then it proves something only as long as no other thread ran.
    private func isParkProven(cpuNanoseconds: Int64, _ signature: WaitSignature, _ context: inout LookContext) -> Bool {
        if SystemCall.epoll.contains(signature.number) { return true }
        guard let parked else { return false }
        return othersWereIdle(
            since: parked,
            thisThreadComputed: cpuNanoseconds - parked.cpuNanoseconds,
            &context
        )
    }

    private func othersWereIdle(since parked: Parked, thisThreadComputed: Int64, _ context: inout LookContext) -> Bool {
        guard let before = parked.othersCPUNanoseconds, let after = context.hostCPUNanoseconds() else { return false }
        return after - before - thisThreadComputed <= Self.clockToleranceNanoseconds
    }

    private mutating func park(_ signature: WaitSignature, cpuNanoseconds: Int64, _ context: inout LookContext) {
        hasParked = hasParked || recognizer.isPark(signature)
        let isOwnDescriptor = SystemCall.epoll.contains(signature.number)
        parked = Parked(
            cpuNanoseconds: cpuNanoseconds,
            othersCPUNanoseconds: isOwnDescriptor ? nil : context.hostCPUNanoseconds(),
            isRecognized: recognizer.isPark(signature),
            isOwnDescriptor: isOwnDescriptor
        )
    }

    private mutating func refuteIfAsleep(_ signature: WaitSignature, cpuNanoseconds: Int64, now: MonotonicInstant) {
        guard let posted, posted.signature == signature, posted.cpuNanoseconds == cpuNanoseconds,
            now.nanoseconds(since: posted.instant) >= Self.wakeNanoseconds
        else { return }
        recognizer.sleptThroughBeat(in: signature)
    }

    private mutating func forget() {
        view = nil
        recognizer.threadChanged()
        cpuNanoseconds = nil
        schedule = nil
        parked = nil
        signature = nil
        posted = nil
        sleep = nil
        progress = JobProgress()
        clocksReadAt = nil
    }
}
