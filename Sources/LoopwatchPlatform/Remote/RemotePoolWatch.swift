// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// One pool of threads of another process.
struct RemotePoolWatch {
    let identity: RemoteTargetIdentity
    var detector: RemotePoolDetector
    /// Threads that were busy at the latest look.
    var busyThreads: [Int32] = []

    /// Takes in what the pool's threads were found in, and how much work waits, where that can be read.
    mutating func read(
        _ calls: [(thread: Int32, call: RemoteCall)],
        waiting: Int?,
        at instant: MonotonicInstant
    ) -> [ReportDraft] {
        busyThreads = calls.filter { isBusy($0.call) }.map(\.thread)
        return detector.read(.init(instant: instant, threads: calls.count, busy: busyThreads.count, waiting: waiting))
    }

    /// A worker is idle in a wait without end for a futex; with an end, if the kind of pool waits so.
    ///
    /// One that waits for a lock of the application looks idle as well: a pool is at least as busy as is said.
    private func isBusy(_ call: RemoteCall) -> Bool {
        if call.isUntimedFutexWait { return false }
        return !(call.isTimedFutexWait && detector.kind.isTimedWaitIdle)
    }
}
