// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What looks at the thread tell.
extension IterationDetector {
    mutating func take(_ look: LoopLook, interruptions: InterruptionLog, into drafts: inout [ReportDraft]) {
        defer { lastLook = look.observation.instant }
        if look.observation.progress == .free {
            statistics.parkChecks += 1
            takeWait(look, interruptions: interruptions, into: &drafts)
            return
        }
        // Where edges tell the place, they tell the iteration as well.
        if rung.grade != .exact || place == .unknown || iteration?.isExact == false {
            prove(look, interruptions: interruptions, into: &drafts)
        }
        guard var current = iteration else { return }
        current.evidence.add(clamped(look.observation, since: current.began))
        current.latestLook = look
        // An entry was missed, and the thread is away again: the iteration that goes on is another.
        if let sawWait = current.sawWait {
            iteration = current
            endMissed(at: sawWait, interruptions: interruptions, into: &drafts)
            return
        }
        iteration = current
        if !look.isStopped { report(at: look.observation.instant, interruptions: interruptions, into: &drafts) }
    }

    /// The thread was seen in its wait on its own descriptor.
    private mutating func takeWait(_ look: LoopLook, interruptions: InterruptionLog, into drafts: inout [ReportDraft]) {
        let instant = look.observation.instant
        defer { lastWaiting = max(lastWaiting, instant) }
        guard rung.grade == .exact else {
            if iteration != nil {
                end(at: look.readBy, isUpperBound: true, interruptions: interruptions, into: &drafts)
            }
            place = .waiting
            return
        }
        if place == .unknown {
            if iteration != nil {
                end(at: look.readBy, isUpperBound: true, interruptions: interruptions, into: &drafts)
            }
            place = .waiting
            edgesFrom = max(edgesFrom, instant)
        } else if let sawWait = iteration?.sawWait {
            endMissed(at: sawWait, interruptions: interruptions, into: &drafts)
        } else if iteration != nil {
            // The edge of this entry may be read just after the look: it gets time until the next look.
            iteration?.sawWait = look.readBy
        }
    }

    /// A look found the thread in its wait and no edge told of its entry: edges are missing.
    private mutating func endMissed(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into drafts: inout [ReportDraft]
    ) {
        statistics.edgesLost += 1
        if iteration?.isReported == true {
            end(at: instant, isUpperBound: true, interruptions: interruptions, into: &drafts)
        }
        iteration = nil
        place = .unknown
        edgesFrom = max(edgesFrom, lastLook)
    }

    /// Without edges: how long it is proved that the thread is away from its wait in one iteration.
    private mutating func prove(_ look: LoopLook, interruptions: InterruptionLog, into drafts: inout [ReportDraft]) {
        place = .away
        guard let current = iteration else {
            iteration = RemoteIteration(
                began: look.observation.instant,
                earliest: lastWaiting,
                isExact: false,
                nextReportNanoseconds: policy.thresholdNanoseconds,
                evidence: CauseEvidence(start: look.observation.instant)
            )
            return
        }
        guard !current.isExact, let before = current.latestLook, !Self.isLinked(before, look) else { return }
        // It may have waited in between, at any time up to now: what is proved so far is over, and what goes on is proved
        // from now on.
        if current.isReported {
            end(at: look.readBy, isUpperBound: true, interruptions: interruptions, into: &drafts)
            prove(look, interruptions: interruptions, into: &drafts)
            // What was told is not part of it as well.
            iteration?.earliest = before.observation.instant
            return
        }
        iteration?.began = look.observation.instant
        iteration?.evidence = CauseEvidence(start: look.observation.instant)
    }

    /// Whether nothing but one iteration can lie between two looks: the next wait was awaited all the time, or the thread
    /// slept in one call and was not put on a CPU.
    private static func isLinked(_ before: LoopLook, _ look: LoopLook) -> Bool {
        // Armed at both: whoever stops waiting for it says so at the next look.
        if before.isArmed, look.isArmed { return true }
        guard let call = before.observation.call, call == look.observation.call else { return false }
        return look.observation.runs == 0
    }

    /// What was seen, without what the thread did before the iteration began.
    func clamped(_ observation: Observation, since began: MonotonicInstant) -> Observation {
        var observation = observation
        let elapsed = max(0, observation.instant.nanoseconds(since: max(began, lastLook)))
        observation.computedNanoseconds = observation.computedNanoseconds.map { min($0, elapsed) }
        observation.delayedNanoseconds = observation.delayedNanoseconds.map {
            min($0, elapsed - (observation.computedNanoseconds ?? 0))
        }
        // Throttling is counted when it ends, and may have begun before the latest look.
        observation.throttledNanoseconds = min(
            observation.throttledNanoseconds,
            max(0, observation.instant.nanoseconds(since: began))
        )
        return observation
    }
}
