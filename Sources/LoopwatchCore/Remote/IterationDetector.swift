// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides, for one loop of another process, what is a block, from edges of its wait and from looks at its thread.
///
/// A value: what was seen goes in with its time, reports come out. Between a return from the loop's wait on its own
/// descriptor and the next entry lies one iteration: where edges tell, its length is exact, and a wait on another
/// descriptor is part of it. Where they do not, a stretch away from the wait is a block only as far as it is proved to be
/// one iteration: while the next entry was awaited and did not come, and while the thread slept in one call.
public struct IterationDetector: Sendable {
    /// How the loop is watched.
    public let policy: DetectionPolicy
    /// Where the loop waits for work.
    public private(set) var wait: WaitCall
    /// By which means it is watched.
    public private(set) var rung: EvidenceRung
    /// How much further apart than they might be the looks at a loop in its wait are, where edges are not recorded
    /// (``LookPace``).
    public var stretch = 1.0
    /// What has been counted.
    public internal(set) var statistics = StallStatistics()
    /// Iterations of which an edge told the end.
    public private(set) var iterations: UInt64 = 0

    /// Where the thread is, as the edges tell.
    enum Place: Sendable, Equatable {
        /// Not known: nothing was seen yet, or edges were lost.
        case unknown
        /// In its wait.
        case waiting
        /// Away from it, in the iteration that goes on.
        case away
        /// Away from it, in a wait on another descriptor.
        case nested
    }

    let thread: Int32
    var place = Place.unknown
    var iteration: RemoteIteration?
    /// Edges before this instant tell nothing: the place was learnt by a look after them.
    var edgesFrom: MonotonicInstant
    var lastWaiting: MonotonicInstant
    var lastLook: MonotonicInstant
    var latestStallBegan: MonotonicInstant?
    var episodes: UInt64 = 0
    var isGone = false
    /// What the thread did since the look before, while edges up to the look are taken in.
    var usage: Observation?

    /// Creates a detector for a loop that is found now.
    public init(policy: DetectionPolicy, thread: Int32, wait: WaitCall, rung: EvidenceRung, now: MonotonicInstant) {
        self.policy = policy
        self.thread = thread
        self.wait = wait
        self.rung = rung
        edgesFrom = now
        lastWaiting = now
        lastLook = now
        statistics.thresholdsNanoseconds = [
            policy.thresholds.warning.wholeNanoseconds, policy.thresholds.error.wholeNanoseconds,
            policy.thresholds.critical.wholeNanoseconds,
        ]
    }

    /// Goes on by other means; a block that goes on is known from now on only as far as they prove.
    public mutating func change(to rung: EvidenceRung, at instant: MonotonicInstant) {
        guard rung != self.rung else { return }
        self.rung = rung
        place = .unknown
        edgesFrom = instant
        // What is told already goes on, from now on without the certainty of edges.
        if iteration?.isReported == true { iteration?.isExact = false } else { iteration = nil }
    }

    /// Since when the thread has been away from its wait, in one iteration as far as is known; `nil` if it waits.
    public var awaySince: MonotonicInstant? { iteration?.sawWait == nil ? iteration?.began : nil }

    /// Whether a report of an iteration goes on.
    public var isBlocked: Bool { iteration?.isReported ?? false }

    /// Takes in what was seen since the look before: edges in the order of time, and a new look.
    ///
    /// - Parameters:
    ///   - edges: what the kernel timed; edges after the look as well, as they are read after it.
    ///   - look: the new look.
    ///   - interruptions: when the process was stopped.
    /// - Returns: what is to be reported.
    public mutating func pass(
        edges: [WaitEdge],
        look: LoopLook,
        interruptions: InterruptionLog
    ) -> [ReportDraft] {
        guard !isGone else { return [] }
        var drafts: [ReportDraft] = []
        usage = look.observation
        var rest = edges[...]
        while let edge = rest.first, edge.instant <= look.observation.instant {
            take(edge, interruptions: interruptions, into: &drafts)
            rest.removeFirst()
        }
        take(look, interruptions: interruptions, into: &drafts)
        usage = nil
        for edge in rest { take(edge, interruptions: interruptions, into: &drafts) }
        return drafts
    }

    /// The thread or its process has ended: nothing is blocked any more.
    public mutating func gone(at instant: MonotonicInstant, interruptions: InterruptionLog) -> [ReportDraft] {
        guard !isGone else { return [] }
        var drafts: [ReportDraft] = []
        if iteration?.isReported == true { end(at: instant, interruptions: interruptions, into: &drafts) }
        iteration = nil
        isGone = true
        return drafts
    }

    // MARK: Edges

    private mutating func take(_ edge: WaitEdge, interruptions: InterruptionLog, into drafts: inout [ReportDraft]) {
        guard edge.instant >= edgesFrom else { return }
        switch edge {
        case .entered(let call, let instant) where call == wait:
            if iteration != nil { end(at: instant, interruptions: interruptions, into: &drafts) }
            iterations += 1
            place = .waiting
            lastWaiting = max(lastWaiting, instant)
        case .entered:
            // A wait within the iteration. In a wait of its own it cannot be: an edge was missed.
            if place == .away || place == .nested { place = .nested } else { place = .unknown }
        case .returned(let events, let instant):
            if place == .waiting { lastWaiting = max(lastWaiting, instant) }
            switch place {
            case .waiting where rung.grade == .exact: begin(at: instant, events: events)
            case .nested: place = .away
            case .waiting, .away, .unknown: break
            }
        case .lost(let instant):
            statistics.edgesLost += 1
            forget(at: instant, interruptions: interruptions, into: &drafts)
        }
    }

    private mutating func begin(at instant: MonotonicInstant, events: Int64) {
        place = .away
        iteration = RemoteIteration(
            began: instant,
            earliest: instant,
            isExact: true,
            events: events < 0 ? nil : events,
            nextReportNanoseconds: policy.thresholdNanoseconds,
            evidence: CauseEvidence(start: instant)
        )
    }

    /// Edges are missing: the iteration that seemed to go on may be many.
    mutating func forget(
        at instant: MonotonicInstant,
        interruptions: InterruptionLog,
        into drafts: inout [ReportDraft]
    ) {
        place = .unknown
        edgesFrom = max(edgesFrom, instant)
        guard let current = iteration else { return }
        if current.isReported {
            // What was told was proved up to the latest look at it.
            end(at: instant, isUpperBound: true, interruptions: interruptions, into: &drafts)
        }
        iteration = nil
    }
}
