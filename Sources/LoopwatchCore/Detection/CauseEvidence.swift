// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What was seen of the blocked thread over the length of a stall, and the verdict on why it made no progress.
public struct CauseEvidence: Sendable, Equatable {
    /// When the block began, as far as is known.
    public var start: MonotonicInstant
    private var last: MonotonicInstant
    private var thread: Int32?
    private var computedNanoseconds: Int64 = 0
    private var delayedNanoseconds: Int64 = 0
    private var isCPUKnown = false
    private var measuredNanoseconds: Int64 = 0
    private var looks = 0
    private var looksUnserved = 0
    private var calls: [BlockingCall: Int] = [:]

    /// Begins to collect evidence at the (estimated) beginning of a block.
    public init(start: MonotonicInstant) {
        self.start = start
        last = start
    }

    /// Adds one look.
    public mutating func add(_ observation: Observation) {
        thread = observation.thread ?? thread
        looks += 1
        // The first look at a thread has nothing to compare its clock with.
        if observation.computedNanoseconds != nil {
            measuredNanoseconds += max(0, observation.instant.nanoseconds(since: last))
        }
        last = max(last, observation.instant)
        if observation.progress == .free { looksUnserved += 1 }
        if let call = observation.call, calls.count < Limits.callsInEvidence || calls[call] != nil {
            calls[call, default: 0] += 1
        }
        if let computed = observation.computedNanoseconds {
            isCPUKnown = true
            computedNanoseconds += computed
        }
        delayedNanoseconds += observation.delayedNanoseconds ?? 0
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
        var shares: [(share: Double, cause: Cause)] = []
        if let most = calls.max(by: { ($0.value, $1.key.name) < ($1.value, $0.key.name) })?.key {
            let slept = calls.values.reduce(0, +)
            shares.append((Double(slept) / Double(looks), most.isLock ? .lock : .syscall(most.name)))
        }
        if measuredNanoseconds > 0 {
            shares.append((Double(delayedNanoseconds) / Double(measuredNanoseconds), .runqueue))
        }
        if let cpuShare { shares.append((cpuShare, .cpu)) }
        guard let largest = shares.max(by: { $0.share < $1.share }), largest.share >= Self.shareLeast else {
            return .unknown
        }
        return largest.cause
    }

    /// The verdict on a target that was late although its jobs ended: very many of them, or no CPU for them.
    public var congestionVerdict: Cause { wasKeptFromCPU ? .runqueue : .congestion }

    /// Whether the thread was ready at most looks and yet hardly ran.
    ///
    /// The kernel counts a wait for a CPU only once it is over, so what it has counted is not enough.
    private var wasKeptFromCPU: Bool {
        guard let cpuShare, looks >= Self.looksForAbsence else { return false }
        return calls.values.reduce(0, +) * 2 < looks && cpuShare < Self.shareLeast
    }

    /// Looks from which on it means something that the thread was never seen asleep.
    private static let looksForAbsence = 4

    /// A mechanism that took less of the time than this is no cause.
    private static let shareLeast = 0.3
}
