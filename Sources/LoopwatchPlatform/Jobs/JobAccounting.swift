// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
package import LoopwatchCore
internal import Synchronization

/// Accounting of Swift's global executor: installed with the first watch that wants it, taken back with the last.
///
/// Nothing is taken for granted: metadata of jobs must look as expected, a probe must run as expected, the word to exchange
/// must be found where it should be, and a second probe must be seen. Where anything differs nothing is exchanged, and the
/// next best way is tried. None of the steps waits: who has joined calls ``advance()`` until the status is settled.
///
/// Safe for use from several threads at once.
package enum JobAccounting {
    /// Who uses it.
    package struct Lease: Sendable, Hashable {
        fileprivate let number: UInt64
    }

    private enum Phase {
        case idle
        /// A probe is to pass before anything is exchanged.
        case probing
        /// A probe is to be seen by what was installed.
        case verifying(PoolAccounting)
        case settled
    }

    private struct State {
        var users: [Lease: (longNanoseconds: Int64, best: PoolAccounting)] = [:]
        var leases: UInt64 = 0
        var phase = Phase.idle
        var mode = PoolAccounting.off
        var reason: String?
        var isClockReady = false
        /// Whether the process was tried for names and current tasks.
        var hasTriedTasks = false
        /// A hook that has come since.
        var trial: HookTrial?

        var status: PoolAccountingStatus {
            if case .settled = phase { return PoolAccountingStatus(mode: mode, reason: reason) }
            return PoolAccountingStatus(mode: .off, reason: reason ?? JobAccounting.probeWaits, isSettled: false)
        }
    }

    private static let state = Mutex(State())

    /// What is said while the first probe has not run.
    private static let probeWaits = "its probe still waits for a thread of the pool"

    /// Joins; accounting is installed by the following calls of ``advance()``.
    ///
    /// - Parameters:
    ///   - longNanoseconds: the length from which on a job is remembered after its end.
    ///   - best: the best that may be tried.
    package static func join(longNanoseconds: Int64, best: PoolAccounting) -> Lease {
        state.withLock { state in
            state.leases += 1
            let lease = Lease(number: state.leases)
            state.users[lease] = (longNanoseconds, best)
            if state.isClockReady { lw_jobs_set_long(longTicks(state)) }
            return lease
        }
    }

    /// Leaves; with the last one everything is put back.
    ///
    /// - Returns: what could not be put back, in words.
    package static func leave(_ lease: Lease) -> String? {
        state.withLock { state in
            guard state.users.removeValue(forKey: lease) != nil else { return nil }
            if !state.users.isEmpty {
                lw_jobs_set_long(longTicks(state))
                return nil
            }
            let problem = lw_jobs_uninstall()
            state.mode = .off
            state.reason = nil
            state.phase = .idle
            state.trial = nil
            return problem.map { String(cString: $0) }
        }
    }

    /// Takes the next step of the installation, if there is one; never waits, but for 2 ms the first time.
    package static func advance() -> PoolAccountingStatus {
        state.withLock { state in
            guard !state.users.isEmpty else { return PoolAccountingStatus(mode: .off, reason: "it is switched off") }
            switch state.phase {
            case .idle: begin(&state)
            case .probing: checkProbe(&state)
            case .verifying(let mode): verify(&state, mode)
            case .settled: break
            }
            return state.status
        }
    }

    /// How it is accounted now.
    package static var status: PoolAccountingStatus { state.withLock { $0.status } }

    /// Whether what was installed is still in force; what changed, in words.
    ///
    /// From then on the mode is what is left. A hook that has come since is put to trial, by a probe: with one that calls
    /// what was there before, all jobs are accounted as they were. Never waits.
    package static func checkIntact() -> String? {
        state.withLock { state in
            guard case .settled = state.phase, state.mode != .off else { return nil }
            guard let change = lw_jobs_intact().map({ String(cString: $0) }) ?? checkHook(&state) else { return nil }
            state.mode = .off
            state.reason = change
            state.trial = nil
            return change
        }
    }

    /// Whether a hook is on trial, so that ``checkIntact()`` is to be called again soon.
    package static var isHookOnTrial: Bool { state.withLock { $0.trial != nil } }

    private static func checkHook(_ state: inout State) -> String? {
        var hook: UInt = 0
        guard lw_jobs_other_hook(&hook) != 0 else {
            state.trial = nil
            return nil
        }
        let now = Clock.now()
        let trial = state.trial.flatMap { $0.hook == hook ? $0 : nil } ?? HookTrial(of: hook, now: now)
        state.trial = trial
        switch trial.advance(now: now) {
        case .underWay: return nil
        case .harmless:
            lw_jobs_expect_hook(hook)
            state.trial = nil
            return nil
        case .harmful:
            return "someone else has set swift_task_enqueueGlobal_hook since, and may run jobs past the accounting"
        }
    }

    // MARK: Steps

    private static func begin(_ state: inout State) {
        if !state.isClockReady {
            // A counter that the kernel does not trust may stop, or differ between processors.
            let source = WholeFile.bytes(
                at: "/sys/devices/system/clocksource/clocksource0/current_clocksource",
                atMost: 64
            )
            lw_jobs_prepare_clock(source.starts(with: "tsc\n".utf8) ? 1 : 0)
            state.isClockReady = true
        }
        guard best(state) != .off else { return settle(&state, .off, "it is switched off") }
        if let problem = lw_jobs_check() {
            state.reason = String(cString: problem)
            return install(&state, after: .runs)
        }
        // Of an earlier installation, and still waiting for a thread: it is the same probe.
        OwnThread.withProfilingSignal { lw_jobs_probe() }
        state.phase = .probing
    }

    private static func checkProbe(_ state: inout State) {
        switch lw_jobs_probe_state() {
        case LW_PROBE_WAITING, LW_PROBE_IDLE: return
        case LW_PROBE_PASSED, LW_PROBE_SEEN: install(&state, after: nil)
        case LW_PROBE_BYPASSED:
            state.reason = "the process has an executor of its own in place of Swift's"
            install(&state, after: .runs)
        default:
            state.reason = "the global executor put a job into another queue than its own"
            install(&state, after: .runs)
        }
    }

    /// Installs the best that is allowed and not ruled out.
    private static func install(_ state: inout State, after ruledOut: PoolAccounting?) {
        let ladder: [(PoolAccounting, lw_job_mode)] = [
            (.exact, LW_JOBS_EXACT), (.runs, LW_JOBS_RUNS), (.enqueues, LW_JOBS_ENQUEUES),
        ]
        let order = PoolAccounting.allCases
        let first = order.firstIndex(of: best(state)) ?? 0
        let next = ruledOut.flatMap { order.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
        for (mode, code) in ladder {
            guard let rank = order.firstIndex(of: mode), rank >= max(first, next) else { continue }
            if rank == first, mode != .exact { state.reason = state.reason ?? "the configuration asks for no more" }
            let problem = edgeTicks().withUnsafeBufferPointer { edges in
                lw_jobs_install(code, edges.baseAddress!, longTicks(state))
            }
            if let problem {
                state.reason = String(cString: problem)
                continue
            }
            OwnThread.withProfilingSignal { lw_jobs_probe() }
            state.phase = .verifying(mode)
            return
        }
        settle(&state, .off, state.reason)
    }

    private static func verify(_ state: inout State, _ mode: PoolAccounting) {
        switch lw_jobs_probe_state() {
        case LW_PROBE_SEEN: settle(&state, mode, mode == .exact ? nil : state.reason)
        // However long: a pool may be blocked by then, and beats are posted meanwhile.
        case LW_PROBE_WAITING, LW_PROBE_IDLE: return
        // Where jobs run is of no account where they are only counted.
        case LW_PROBE_BYPASSED, LW_PROBE_ELSEWHERE:
            guard mode == .enqueues, lw_jobs_probe_is_enqueued() != 0 else {
                return refuse(&state, mode, "its second probe ran past what was installed")
            }
            settle(&state, mode, state.reason)
        default: refuse(&state, mode, "its second probe was not seen")
        }
    }

    private static func refuse(_ state: inout State, _ mode: PoolAccounting, _ reason: String) {
        _ = lw_jobs_uninstall()
        // What was found first is what the rest follows from.
        state.reason = state.reason ?? reason
        install(&state, after: mode)
    }

    private static func settle(_ state: inout State, _ mode: PoolAccounting, _ reason: String?) {
        state.mode = mode
        state.reason = reason
        state.phase = .settled
        if mode == .exact || mode == .runs, !state.hasTriedTasks {
            state.hasTriedTasks = true
            OwnThread.withProfilingSignal { CurrentTasks.learn() }
        }
    }

    // MARK: Parameters

    private static func best(_ state: State) -> PoolAccounting {
        let order = PoolAccounting.allCases
        return state.users.values.map(\.best).min { order.firstIndex(of: $0)! < order.firstIndex(of: $1)! } ?? .off
    }

    private static func longTicks(_ state: State) -> UInt64 {
        let shortest = state.users.values.map(\.longNanoseconds).min() ?? .max
        return ticks(ofNanoseconds: shortest)
    }

    private static func edgeTicks() -> [UInt64] { HistogramEdges.lag.nanoseconds.map(ticks(ofNanoseconds:)) }

    private static func ticks(ofNanoseconds nanoseconds: Int64) -> UInt64 {
        UInt64(max(0, min(1e18, Double(nanoseconds) / lw_jobs_tick_nanoseconds())))
    }
}
