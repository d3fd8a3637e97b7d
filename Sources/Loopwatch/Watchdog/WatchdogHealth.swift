// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// The watchdog's measurements of itself: readable from any thread.
final class WatchdogHealth: Sendable {
    private struct Storage {
        var snapshot = WatchdogSnapshot()
        var interruptions = InterruptionLog()
        var lastPass: MonotonicInstant
        var nextPass: MonotonicInstant?
        var target: String?
        var thread: ThreadIdentifier?
        var rest: RestClock.Rest?
    }

    private let storage: Mutex<Storage>

    init(now: MonotonicInstant) {
        storage = Mutex(Storage(lastPass: now))
    }

    /// The counters so far.
    var snapshot: WatchdogSnapshot {
        var (result, thread) = storage.withLock { ($0.snapshot, $0.thread) }
        result.cpuNanoseconds = thread.flatMap { Clock.threadCPUNanoseconds(of: $0) } ?? 0
        return result
    }

    /// The watchdog runs on this thread.
    func runs(on thread: ThreadIdentifier) {
        storage.withLock { $0.thread = thread }
    }

    /// The interruptions so far.
    var interruptions: InterruptionLog { storage.withLock { $0.interruptions } }

    /// The target whose closures the watchdog is calling right now; `nil` when it calls none.
    var targetBeingCalled: String? { storage.withLock { $0.target } }

    /// Calls a closure of the host, remembering whose, so that one that blocks can be named.
    ///
    /// - Returns: how long it took, in nanoseconds.
    func call(_ target: String, _ closure: () -> Void) -> Int64 {
        let start = Clock.now()
        storage.withLock { $0.target = target }
        OwnThread.withProfilingSignal(closure)
        storage.withLock { $0.target = nil }
        return Clock.now().nanoseconds(since: start)
    }

    /// When the watchdog last went round, and when it meant to go round next (`nil`: when something changes).
    var schedule: (lastPass: MonotonicInstant, nextPass: MonotonicInstant?) {
        storage.withLock { ($0.lastPass, $0.nextPass) }
    }

    /// The watchdog woke up.
    ///
    /// - Parameters:
    ///   - now: when.
    ///   - lateNanoseconds: how late; `nil` if it was woken by something other than its timer.
    ///   - resolutionNanoseconds: what counts as a missed wake-up.
    func woke(at now: MonotonicInstant, lateNanoseconds: Int64?, resolutionNanoseconds: Int64) {
        storage.withLock { storage in
            storage.lastPass = now
            storage.snapshot.wakeups += 1
            guard let lateNanoseconds else { return }
            storage.snapshot.wakeupDelay.observe(nanoseconds: lateNanoseconds)
            if lateNanoseconds >= resolutionNanoseconds { storage.snapshot.missedWakeups += 1 }
        }
    }

    /// Targets that are busy and answer are looked at so far apart from now on, in nanoseconds.
    func looks(every nanoseconds: Int64) {
        storage.withLock { $0.snapshot.lookNanoseconds = nanoseconds }
    }

    /// Nothing but the watchdog has run, and it went round without looking at any target; `nil` once it has looked.
    var rest: RestClock.Rest? { storage.withLock { $0.rest } }

    /// The targets were told of that.
    func restEnds() { storage.withLock { $0.rest = nil } }

    /// The watchdog goes to sleep again, as nothing but itself has run.
    func rests(_ rest: RestClock.Rest, until next: MonotonicInstant) {
        storage.withLock { storage in
            storage.rest = rest
            storage.nextPass = next
        }
    }

    /// The watchdog goes to sleep.
    func sleeps(until next: MonotonicInstant?) {
        storage.withLock { $0.nextPass = next }
    }

    /// The host did not run.
    ///
    /// - Parameters:
    ///   - interruption: when, on the monotonic clock.
    ///   - nanoseconds: how long; longer than the interruption where the monotonic clock stood still too.
    func interrupted(_ interruption: Interruption, nanoseconds: Int64) {
        storage.withLock { storage in
            storage.interruptions.append(interruption)
            switch interruption.kind {
            case .suspended:
                storage.snapshot.suspensions += 1
                storage.snapshot.suspendedNanoseconds += nanoseconds
            case .starved:
                storage.snapshot.starvations += 1
                storage.snapshot.starvedNanoseconds += nanoseconds
            }
        }
    }
}
