// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// What the server's thread shares with others.
final class HTTPServerShared: Sendable {
    /// Brings new connections.
    let listener: ListeningSocket
    /// Decides on requests, and knows the bounds.
    let policy: HTTPRequestPolicy
    /// Answers requests.
    let responder: any HTTPResponder
    /// Counts what is done.
    let counters: HTTPCounters
    /// Ends the thread's sleep.
    let wakeSignal: WakeSignal
    private let ended: WakeSignal
    // Set before the wake-up and read after it; releasing pairs with acquiring on the server's thread.
    private let isStopRequested = Atomic(false)
    private let areStreamsWoken = Atomic(false)
    // Relaxed: single numbers that nothing else depends on. 0 stands for a thread that has not started.
    private let lastTurnNanoseconds = Atomic<Int64>(0)
    private let threadIdentifier = Atomic<Int32>(0)

    /// Brings the parts together.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(listener: ListeningSocket, policy: HTTPRequestPolicy, responder: any HTTPResponder) throws {
        self.listener = listener
        self.policy = policy
        self.responder = responder
        counters = HTTPCounters(pairsMaximum: policy.limits.requestCounters)
        wakeSignal = try WakeSignal()
        ended = try WakeSignal()
    }

    /// When the thread last went round its loop.
    var lastTurn: MonotonicInstant { MonotonicInstant(nanoseconds: lastTurnNanoseconds.load(ordering: .relaxed)) }

    /// The server's thread; `nil` before it runs.
    var thread: ThreadIdentifier? {
        let identifier = threadIdentifier.load(ordering: .relaxed)
        return identifier == 0 ? nil : identifier
    }

    /// Whether the caller runs on the server's thread.
    var isOnThread: Bool { threadIdentifier.load(ordering: .relaxed) == OwnThread.currentIdentifier }

    /// Asks the thread to stop.
    func requestStop() {
        isStopRequested.store(true, ordering: .releasing)
        wakeSignal.wake()
    }

    /// Has every stream asked for more.
    func wakeStreams() {
        // The first after the thread took the mark wakes it; the others need no system call.
        if !areStreamsWoken.exchange(true, ordering: .acquiringAndReleasing) { wakeSignal.wake() }
    }

    /// Gives back the descriptors of the signals, once the thread has ended.
    func closeSignals() {
        wakeSignal.close()
        ended.close()
    }

    /// Waits until the thread is about to end; returns whether it is.
    func waitForThread() -> Bool {
        let limits = policy.limits
        return ended.wait(until: Clock.now().advanced(by: limits.stopDeadline).advanced(by: limits.joinDeadline))
    }

    // The rest is called by the server's thread.

    /// Tells that the thread runs.
    func threadBegins() {
        threadIdentifier.store(OwnThread.currentIdentifier, ordering: .relaxed)
    }

    /// Tells that the thread is done.
    func threadEnds() {
        threadIdentifier.store(0, ordering: .relaxed)
        ended.wake()
    }

    /// Notes that the thread goes round its loop; returns whether it has to stop.
    func turnBegins(at now: MonotonicInstant) -> Bool {
        lastTurnNanoseconds.store(now.nanoseconds, ordering: .relaxed)
        return isStopRequested.load(ordering: .acquiring)
    }

    /// Takes the mark that streams are to be asked; call after clearing the wake signal, or a wake-up could be lost.
    func takeStreamsWoken() -> Bool {
        areStreamsWoken.exchange(false, ordering: .acquiringAndReleasing)
    }
}
