// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Feeds a detector of another process's loop by hand, in milliseconds; the threshold is 50 ms.
struct RemoteLoopDriver {
    static let wait = WaitCall(number: 232, descriptor: 5)
    static let nested = WaitCall(number: 232, descriptor: 9)
    static let thread: Int32 = 77

    var detector: IterationDetector
    var interruptions = InterruptionLog()
    /// All that was reported.
    var drafts: [ReportDraft] = []
    private var edges: [WaitEdge] = []

    /// A loop that was found at 0 ms, in its wait if it is watched by edges.
    init(_ rung: EvidenceRung = .executionBreakpoints) {
        detector = IterationDetector(
            policy: DetectionPolicy(
                resolutionNanoseconds: .milliseconds(10),
                thresholds: Thresholds(warning: .milliseconds(50))
            ),
            thread: Self.thread,
            wait: Self.wait,
            rung: rung,
            now: at(0)
        )
        looks(0, .free)
    }

    /// The wait returned.
    mutating func returned(_ milliseconds: Double, events: Int64 = 1) {
        edges.append(.returned(events, at: at(milliseconds)))
    }

    /// The thread went to its wait, or to another.
    mutating func entered(_ milliseconds: Double, _ call: WaitCall = wait) {
        edges.append(.entered(call, at: at(milliseconds)))
    }

    /// Edges were lost.
    mutating func lost(_ milliseconds: Double) { edges.append(.lost(at: at(milliseconds))) }

    /// The edges so far are read, and the thread is looked at; it computed all the time since the look before, unless it
    /// sleeps in a call.
    @discardableResult
    mutating func looks(
        _ milliseconds: Double,
        _ progress: Observation.Progress = .busy,
        readBy: Double? = nil,
        call: BlockingCall? = nil,
        runs: Int64? = nil,
        delayed: Double = 0,
        throttled: Double = 0,
        isArmed: Bool? = nil,
        isStopped: Bool = false
    ) -> [ReportDraft] {
        let elapsed = Double(at(milliseconds).nanoseconds(since: lastLook)) / 1e6
        let computed = progress == .free || call != nil ? 0 : elapsed - delayed
        var observation = Observation(
            instant: at(milliseconds),
            progress: progress,
            thread: Self.thread,
            computedNanoseconds: .milliseconds(computed),
            delayedNanoseconds: .milliseconds(delayed),
            runs: runs ?? (call == nil ? 1 : 0),
            call: call,
            isReady: progress == .busy && call == nil
        )
        observation.throttledNanoseconds = .milliseconds(throttled)
        let new = detector.pass(
            edges: edges,
            look: LoopLook(
                observation: observation,
                readBy: readBy.map { at($0) },
                isStopped: isStopped,
                isArmed: isArmed ?? (detector.rung.grade == .exact)
            ),
            interruptions: interruptions
        )
        edges = []
        lastLook = at(milliseconds)
        drafts += new
        return new
    }

    /// Looks every 10 ms from the first instant up to the last.
    mutating func looks(
        from first: Double,
        to last: Double,
        _ progress: Observation.Progress = .busy,
        call: BlockingCall? = nil,
        isArmed: Bool? = nil
    ) {
        for instant in stride(from: first, through: last, by: 10) {
            looks(instant, progress, call: call, isArmed: isArmed)
        }
    }

    private var lastLook = at(0)

    /// Milliseconds for which each finished block lasted.
    var endedMilliseconds: [Double] {
        drafts.filter { $0.state == .ended }.map { Double($0.durationNanoseconds) / 1e6 }
    }
}
