// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import LoopwatchCore
internal import Synchronization

/// Finds out whether a hook that was set after accounting was installed calls what was there before: whether a probe that
/// is handed to it is seen to be enqueued.
///
/// The hook is the host's, and may wait for a lock of the host: it is called on a thread of its own.
final class HookTrial: Sendable {
    /// How it stands.
    enum Verdict {
        case underWay
        /// The probe was seen.
        case harmless
        /// It ran without being seen, or nothing was seen of it in time.
        case harmful
    }

    /// The hook.
    let hook: UInt
    private let began: MonotonicInstant
    private let isBegun = Atomic(false)
    private let isHandedOver = Atomic(false)

    /// For how long the probe is awaited, in nanoseconds.
    private static let nanosecondsMost: Int64 = 1_000_000_000

    init(of hook: UInt, now: MonotonicInstant) {
        self.hook = hook
        began = now
    }

    /// Goes on; never waits.
    func advance(now: MonotonicInstant) -> Verdict {
        let isOver = now.nanoseconds(since: began) >= Self.nanosecondsMost
        guard isBegun.load(ordering: .relaxed) || begin() else { return isOver ? .harmful : .underWay }
        // What was seen before is of another probe.
        guard isHandedOver.load(ordering: .acquiring) else { return isOver ? .harmful : .underWay }
        if lw_jobs_probe_is_enqueued() != 0 { return .harmless }
        let isWaiting = lw_jobs_probe_state() == LW_PROBE_WAITING
        return isWaiting && !isOver ? .underWay : .harmful
    }

    /// Hands a probe to the hook; returns false if that cannot be done now.
    private func begin() -> Bool {
        // There is only one probe, and it may still wait for a thread.
        guard lw_jobs_probe_state() != LW_PROBE_WAITING else { return false }
        do {
            try OwnThread(name: "lw-probe") {
                OwnThread.withProfilingSignal { lw_jobs_probe() }
                self.isHandedOver.store(true, ordering: .releasing)
            }.detach()
        } catch {
            return false
        }
        isBegun.store(true, ordering: .relaxed)
        return true
    }
}
