// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// By which means a loop is watched: as cheaply as it can be for how often it waits.
extension RemoteLoopWatch {
    /// Time after which it is looked whether a wait that is awaited came at once, in nanoseconds.
    private static let soonNanoseconds: Int64 = 1_000_000
    /// Places of a program at which a loop waits in turn, before breakpoints are given up.
    private static let programCounterChangesMost = 8

    /// The loop waits at another place of its program now, as the C library has several.
    func followProgramCounter(_ place: UInt64, at instant: MonotonicInstant) {
        programCounter = place
        guard case .breakpoints? = edges?.means else { return }
        programCounterChanges += 1
        let wasEnabled = edges?.isEnabled ?? false
        // First given back: a thread has four breakpoints.
        edges = nil
        missing.append(.lost(at: instant))
        if programCounterChanges <= Self.programCounterChangesMost {
            edges = try? PerfEdges(thread: view.identifier, means: .breakpoints(programCounter: place))
        }
        if edges == nil || wasEnabled && edges?.enable(true) != true {
            edges = nil
            detector.change(to: WaitConfirmation.isAllowed ? .confirmedPolling : .polling, at: instant)
        }
    }

    /// Chooses by what means the loop is watched until the next look.
    ///
    /// - Parameter isOverrun: whether the kernel lost edges because there were too many.
    func adapt(_ look: LoopLook, edges found: [WaitEdge], isOverrun: Bool, into outcome: inout Outcome) {
        let isFree = look.observation.progress == .free
        looksAway = isFree || look.isStopped ? 0 : looksAway + 1
        switch detector.rung {
        case .executionBreakpoints: adaptBreakpoints(look, edges: found, isOverrun: isOverrun, into: &outcome)
        case .armedBreakpoints: adaptArming(look, edges: found, into: &outcome)
        case .confirmedPolling: confirm(look)
        case .tracepoints, .polling: break
        }
    }

    private func adaptBreakpoints(
        _ look: LoopLook,
        edges found: [WaitEdge],
        isOverrun: Bool,
        into outcome: inout Outcome
    ) {
        budget.price(nanoseconds: BreakpointCost.nanoseconds)
        let iterations = found.count / 2 + (isOverrun ? budget.iterationsSavedMost : 0)
        guard !isForced, budget.isExceeded(byIterations: iterations, at: look.observation.instant) else { return }
        let now = Clock.now()
        if allowsTracepoints, let means = Tracepoints.means(call: SystemCall.name(of: detector.wait.number)),
            let tracepoints = try? PerfEdges(thread: view.identifier, means: means), tracepoints.enable(true)
        {
            edges = tracepoints
            detector.change(to: .tracepoints, at: now)
            return
        }
        _ = edges?.enable(false)
        detector.change(to: .armedBreakpoints, at: now)
        outcome.notes.append(
            .busyLoop(
                name: identity.name,
                most: budget.iterationsPerSecond,
                allowsTracepoints: allowsTracepoints
            )
        )
    }

    /// Awaits the next wait once the thread stays away, and no longer than until it comes.
    private func adaptArming(_ look: LoopLook, edges found: [WaitEdge], into outcome: inout Outcome) {
        guard let edges else { return }
        let now = Clock.now()
        budget.note(runs: look.observation.runs ?? 0, at: now)
        budget.noteArmed(iterations: (found.count + 1) / 2)
        let isHit = found.contains { if case .entered(let call, _) = $0 { call == detector.wait } else { false } }
        if edges.isEnabled, isHit || look.observation.progress == .free {
            _ = edges.enable(false)
            fruitless = detector.isBlocked ? 0 : fruitless + 1
            looksAway = 0
        } else if !edges.isEnabled, !look.isStopped, isSuspect(at: now) {
            guard edges.enable(true) else { return }
            soon = now.advanced(byNanoseconds: Self.soonNanoseconds)
            // From here on every entry is recorded: what this look finds is proved from now on.
            if let (again, _) = observe(isArmed: true) {
                outcome.drafts += detector.pass(edges: [], look: again, interruptions: interruptions)
            }
        }
        if look.isArmed, !isHit { fruitless = 0 }
        if !isForced, !edges.isEnabled, budget.mayTryAgain(at: now), edges.enable(true) {
            _ = edges.drain()
            detector.change(to: .executionBreakpoints, at: now)
        }
    }

    /// Whether the thread has been away from its wait for long enough that the next is awaited.
    private func isSuspect(at instant: MonotonicInstant) -> Bool {
        looksAway >= (fruitless < 8 ? 2 : 4) || looksAway == 1 && budget.mayArmEarly(at: instant)
    }

    private func confirm(_ look: LoopLook) {
        // A thread that sleeps is not stopped, and need not be: that it sleeps on in one call is proof enough.
        guard confirmation == nil, looksAway >= 2, !look.isStopped, look.observation.isReady else { return }
        confirmation = try? WaitConfirmation(process: process, thread: view, wait: detector.wait, counting: stops)
        if confirmation != nil { soon = Clock.now().advanced(byNanoseconds: Self.soonNanoseconds) }
    }
}
