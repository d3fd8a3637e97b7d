// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What others ask, and when it is to be asked again.
extension HoldDetector {
    /// The threads whose evidence is wanted at a look: of jobs that are half way to the threshold, or beyond.
    func wanted(_ running: [Job], at instant: MonotonicInstant) -> [Job] {
        running.filter { job in
            let began = holds[job.identity]?.began ?? job.began
            return instant.nanoseconds(since: began) >= policy.thresholdNanoseconds / 2
        }
    }

    /// When something is due at the earliest, after the latest look; `nil` if nothing runs.
    func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        var next: MonotonicInstant?
        func propose(_ instant: MonotonicInstant) { next = next.map { min($0, instant) } ?? instant }
        for hold in holds.values {
            let interrupted = hold.interruptedNanoseconds(until: lastLook, interruptions: interruptions)
            let half = hold.began.advanced(byNanoseconds: policy.thresholdNanoseconds / 2)
            let due = hold.began.advanced(byNanoseconds: hold.nextReportNanoseconds + interrupted)
            if half > lastLook { propose(half) }
            if hold.preparation == nil {
                let early = due.advanced(byNanoseconds: -policy.preparationNanoseconds)
                if early > lastLook { propose(early) }
            }
            if due > lastLook { propose(due) }
            // What is past half the threshold, and an actor's that goes from task to task, is looked at closely.
            if hold.isReported || due <= lastLook || hold.job.kind == .actor && half <= lastLook {
                propose(lastLook.advanced(byNanoseconds: policy.lookNanoseconds))
            }
        }
        return next
    }

    /// The counters, with what goes on.
    func statistics(
        at instant: MonotonicInstant,
        unixNanoseconds: Int64,
        interruptions: InterruptionLog
    ) -> StallStatistics {
        var result = tally.statistics(at: instant, unixNanoseconds: unixNanoseconds)
        for hold in holds.values {
            let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
            // Up to the last look it ran for certain; an actor's may have gone on to its next task since.
            let certain = hold.durationNanoseconds(at: lastLook, interruptions: interruptions)
            let isCertain = certain >= policy.thresholdNanoseconds && hold.isCertain(at: lastLook, policy)
            guard duration >= policy.thresholdNanoseconds, isCertain || hold.job.kind != .actor else { continue }
            result.addCurrent(nanoseconds: duration, certainNanoseconds: isCertain ? certain : nil)
        }
        return result
    }

    /// Jobs past the threshold now, the longest first.
    func heldLong(at instant: MonotonicInstant, interruptions: InterruptionLog) -> [Hold] {
        holds.values
            .filter {
                $0.isCertain(at: lastLook, policy)
                    && $0.durationNanoseconds(at: instant, interruptions: interruptions) >= policy.thresholdNanoseconds
            }
            .sorted { ($0.began, $0.job.identity.slot) < ($1.began, $1.job.identity.slot) }
    }
}
