// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What is said of a job that holds its thread.
extension HoldDetector {
    /// Ends a stretch of holding, and says so if it was long.
    mutating func end(
        _ hold: Hold,
        at instant: MonotonicInstant,
        width: Int,
        interruptions: InterruptionLog,
        number: () -> UInt64,
        into said: inout [Said]
    ) {
        var hold = hold
        let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
        guard hold.isReported || duration >= policy.thresholdNanoseconds else { return }
        if !hold.isReported {
            tally.began(at: hold.began)
            hold.number = number()
        }
        let draft = draft(hold, .ended, until: instant, width: width, interruptions: interruptions)
        tally.ended(draft)
        // A report that all threads are held told of it.
        if hold.isReported || !hold.isCovered { said.append((draft, hold.job.lane)) }
    }

    func draft(
        _ hold: Hold,
        _ state: StallReport.State,
        until instant: MonotonicInstant,
        width: Int,
        interruptions: InterruptionLog
    ) -> ReportDraft {
        let duration = hold.durationNanoseconds(at: instant, interruptions: interruptions)
        return ReportDraft(
            state: state,
            kind: hold.job.lane == .main ? .stall : .hold,
            episode: hold.number,
            began: hold.began,
            until: instant,
            durationNanoseconds: duration,
            interruptedNanoseconds: hold.interruptedNanoseconds(until: instant, interruptions: interruptions),
            severity: policy.thresholds.severity(ofNanoseconds: duration) ?? .warning,
            cause: state == .ended
                ? hold.evidence.verdict(
                    ofNanoseconds: duration,
                    thresholdNanoseconds: policy.thresholdNanoseconds
                ) : hold.evidence.verdict,
            cpuShare: hold.evidence.cpuShare,
            thread: hold.job.thread,
            depth: nil,
            preparation: state == .begun ? hold.preparation : nil,
            pool: PoolFinding(kind: .heldThread, lane: hold.job.lane, holders: [hold.job], held: 1, width: width)
        )
    }
}
