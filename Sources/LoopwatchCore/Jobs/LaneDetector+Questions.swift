// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What others ask, and when it is to be asked again.
extension LaneDetector {
    /// Whether all that hold threads are told of together, or will be.
    ///
    /// Not as long as jobs begin: one thread may be held while others work off the queue.
    func covers(
        _ reading: JobReading.Lane,
        holders: Int,
        width: Int,
        at instant: MonotonicInstant
    ) -> (isExpected: Bool, isReported: Bool) {
        let idle = reading.lastStart.map { instant.nanoseconds(since: $0) } ?? 0
        let isExpected = reading.waiting > 0 && holders >= width && idle >= policy.thresholdNanoseconds / 4
        return (isExpected, tellsOfHolders)
    }

    /// Whether it is reported that all threads are held.
    var tellsOfHolders: Bool { blocked.map { $0.isReported && $0.finding == .starved } ?? false }

    /// Whether it is to be found out if the process gets its CPU: jobs have waited for some time, and threads are not held.
    func wantsRunDelay(_ reading: JobReading.Lane, holders: Int, width: Int, at instant: MonotonicInstant) -> Bool {
        // A job that has begun since is the end of what was suspected.
        guard reading.waiting > 0, holders < width, let blocked, blocked.lastStartTicks == reading.lastStartTicks else {
            return false
        }
        return instant.nanoseconds(since: blocked.began) >= policy.thresholdNanoseconds / 4
    }

    private func middle(_ from: MonotonicInstant, _ to: MonotonicInstant) -> MonotonicInstant {
        from.advanced(byNanoseconds: to.nanoseconds(since: from) / 2)
    }

    /// When something is due, after the latest look; `nil` if nothing waits.
    func nextLook(interruptions: InterruptionLog) -> MonotonicInstant? {
        var next: MonotonicInstant?
        for episode in [blocked, late] {
            guard let episode else { continue }
            let interrupted = interruptions.overlapNanoseconds(from: episode.began, to: lastLook)
            let due = episode.began.advanced(byNanoseconds: episode.nextReportNanoseconds + interrupted)
            let soon = lastLook.advanced(byNanoseconds: policy.lookNanoseconds)
            // Once before it is due, to see whether its threads get their CPU.
            let half = episode.began.advanced(byNanoseconds: policy.thresholdNanoseconds / 2)
            // That takes two readings; a wait that was found late has the first at once.
            let isUnread =
                episode.finding == .takenByOthers && episode.delay == nil && !episode.isReported
                && due.nanoseconds(since: lastLook) >= policy.thresholdNanoseconds / 8
            let reading = half > lastLook ? half : isUnread ? min(soon, middle(lastLook, due)) : nil
            if let reading, reading > lastLook { next = next.map { min($0, reading) } ?? reading }
            let own =
                episode.isReported || due <= lastLook ? min(max(due, lastLook.advanced(byNanoseconds: 1)), soon) : due
            next = next.map { min($0, own) } ?? own
        }
        if let blocked, !blocked.isReported, blocked.preparation == nil {
            let interrupted = interruptions.overlapNanoseconds(from: blocked.began, to: lastLook)
            let early = blocked.began.advanced(
                byNanoseconds: blocked.nextReportNanoseconds + interrupted - policy.preparationNanoseconds
            )
            if early > lastLook { next = next.map { min($0, early) } ?? early }
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
        if let blocked {
            let length = Self.length(from: blocked.began, to: instant, interruptions: interruptions)
            let certain = Self.length(from: blocked.began, to: lastLook, interruptions: interruptions)
            if length >= policy.thresholdNanoseconds {
                result.addCurrent(
                    nanoseconds: length,
                    certainNanoseconds: certain >= policy.thresholdNanoseconds ? certain : nil
                )
            }
        }
        if let late, late.isReported {
            result.congestedNanoseconds += Self.length(from: late.began, to: lastLook, interruptions: interruptions)
        }
        return result
    }

    /// Why the priority is blocked now; `nil` if it is not reported to be.
    var currentCause: Cause? { blocked.flatMap { $0.isReported ? $0.cause : nil } }
}
