// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What was seen of the blocked thread over the length of a stall, and the verdict on why it made no progress.
///
/// Each look explains the time since the one before: the thread computed, waited for a CPU, or slept in the call that it
/// is found in. What is left of a thread that did not sleep was taken from it: the kernel counts a wait for a CPU only
/// once it is over, and what a hypervisor takes away is on no clock of the thread.
public struct CauseEvidence: Sendable, Equatable {
    /// When the block began, as far as is known.
    public var start: MonotonicInstant
    private var last: MonotonicInstant
    private var thread: Int32?
    private var computedNanoseconds: Int64 = 0
    private var delayedNanoseconds: Int64 = 0
    private var takenNanoseconds: Int64 = 0
    private var throttledNanoseconds: Int64 = 0
    private var isCPUKnown = false
    private var measuredNanoseconds: Int64 = 0
    private var explainableNanoseconds: Int64 = 0
    private var looks = 0
    private var looksUnserved = 0
    private var looksKeptFromCPU = 0
    private var wasReady = false
    private var sleptNanoseconds: [BlockingCall: Int64] = [:]

    /// Begins to collect evidence at the (estimated) beginning of a block.
    public init(start: MonotonicInstant) {
        self.start = start
        last = start
    }

    /// Adds one look.
    public mutating func add(_ observation: Observation) {
        thread = observation.thread ?? thread
        looks += 1
        if observation.progress == .free { looksUnserved += 1 }
        if observation.isKeptFromCPU { looksKeptFromCPU += 1 }
        let elapsed = max(0, observation.instant.nanoseconds(since: last))
        addThrottled(observation.throttledNanoseconds, until: observation.instant)
        let rest = add(
            computed: observation.computedNanoseconds,
            delayed: observation.delayedNanoseconds,
            until: observation.instant
        )
        if let call = observation.call, sleptNanoseconds.count < Limits.callsInEvidence || sleptNanoseconds[call] != nil
        {
            sleptNanoseconds[call, default: 0] += rest ?? elapsed
            if rest == nil { explainableNanoseconds += elapsed }
        } else if observation.isReady, let rest, wasReady || (observation.runs ?? 2) <= (looks == 1 ? 1 : 0) {
            // It was ready before, or has not been put on a CPU since, or only once for what blocks it: it did not sleep.
            takenNanoseconds += rest
        }
        wasReady = observation.isReady
    }

    /// Adds what the thread did up to the end.
    public mutating func add(_ usage: ThreadUsage) {
        addThrottled(usage.throttledNanoseconds, until: usage.instant)
        _ = add(computed: usage.computedNanoseconds, delayed: usage.delayedNanoseconds, until: usage.instant)
    }

    /// Adds time for which the quota was used up; that is counted by the kernel only once it is over, so that it can be
    /// longer than the time since the look before, but not than the block.
    private mutating func addThrottled(_ nanoseconds: Int64, until instant: MonotonicInstant) {
        let most = max(0, instant.nanoseconds(since: start))
        throttledNanoseconds = min(most, throttledNanoseconds + min(most, nanoseconds))
    }

    /// Adds the readings of the thread's clocks; returns the time that they do not explain.
    private mutating func add(computed: Int64?, delayed: Int64?, until instant: MonotonicInstant) -> Int64? {
        let elapsed = max(0, instant.nanoseconds(since: last))
        last = max(last, instant)
        // The first look at a thread has nothing to compare its clock with.
        guard let computed else { return nil }
        isCPUKnown = true
        measuredNanoseconds += elapsed
        explainableNanoseconds += elapsed
        computedNanoseconds += computed
        delayedNanoseconds += delayed ?? 0
        return max(0, elapsed - computed - (delayed ?? 0))
    }

    /// Time for which the thread computed or waited for a CPU, in nanoseconds; `nil` where its clock was not to be had.
    public var activeNanoseconds: Int64? {
        isCPUKnown ? computedNanoseconds + delayedNanoseconds : nil
    }

    /// The thread that was seen last.
    public var blockedThread: Int32? { thread }

    /// CPU time over elapsed time, 0 to 1, where it is known.
    public var cpuShare: Double? {
        guard isCPUKnown, measuredNanoseconds > 0 else { return nil }
        return min(1, max(0, Double(computedNanoseconds) / Double(measuredNanoseconds)))
    }

    /// The verdict, from the evidence alone: the mechanism that took the largest part of the time.
    public var verdict: Cause {
        guard looks > 0 else { return .unknown }
        // Work waits for the target, and no thread takes it up.
        if looksUnserved * 2 > looks { return .starvation }
        if looksKeptFromCPU * 2 > looks { return keptFromCPU }
        var times: [(nanoseconds: Int64, cause: Cause)] = [
            (keptFromCPUNanoseconds, keptFromCPU), (computedNanoseconds, .cpu),
        ]
        if let most = sleptNanoseconds.max(by: { ($0.value, $1.key.name) < ($1.value, $0.key.name) })?.key {
            times.insert((sleptTotalNanoseconds, most.isLock ? .lock : .syscall(most.name)), at: 0)
        }
        guard let largest = times.max(by: { $0.nanoseconds < $1.nanoseconds }), largest.nanoseconds > 0,
            largest.nanoseconds * 10 >= explainableNanoseconds * 3
        else { return .unknown }
        return largest.cause
    }

    /// The verdict on a block that is over, for which its length, in nanoseconds, is known.
    ///
    /// One that would have stayed under the threshold with a CPU at hand, and that waited for one for a good part of its
    /// time, is the machine's doing: the application computed no longer than it may.
    public func verdict(ofNanoseconds duration: Int64, thresholdNanoseconds: Int64) -> Cause {
        let verdict = verdict
        guard verdict == .cpu, keptFromCPUNanoseconds * 10 >= explainableNanoseconds * 3,
            duration - keptFromCPUNanoseconds < thresholdNanoseconds
        else { return verdict }
        return keptFromCPU
    }

    /// The verdict on a target that was late although its jobs ended: very many of them, or no CPU for them.
    public var congestionVerdict: Cause {
        keptFromCPUNanoseconds > max(computedNanoseconds, sleptTotalNanoseconds) ? keptFromCPU : .congestion
    }

    /// What kept the thread from its CPU: the quota, if it was used up for half of that time, or others.
    private var keptFromCPU: Cause {
        throttledNanoseconds > 0 && throttledNanoseconds * 2 >= keptFromCPUNanoseconds ? .throttled : .runqueue
    }

    /// Time for which the thread was ready and something else ran.
    private var keptFromCPUNanoseconds: Int64 { delayedNanoseconds + takenNanoseconds }

    private var sleptTotalNanoseconds: Int64 { sleptNanoseconds.values.reduce(0, +) }
}
