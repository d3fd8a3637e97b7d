// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
package import LoopwatchCore
internal import Synchronization

/// Awaits the next entry of a thread to its wait by ptrace(2), where the kernel allows nothing cheaper.
///
/// A thread of its own traces: the traced thread has to be let go on from each of its system calls at once, and belongs to
/// the thread that traces it. When that ends, in whatever way, the kernel lets the traced thread go, and it runs on.
package final class WaitConfirmation: Sendable {
    /// How it stands.
    package enum State: Sendable, Equatable {
        /// The thread is not traced yet.
        case starting
        /// Since this instant the thread has not entered its wait.
        case armed(since: MonotonicInstant)
        /// It entered its wait.
        case entered(at: MonotonicInstant)
        /// It is not traced any more, and nothing is known: it was not allowed, made too many calls, or is gone.
        case ended(isRefused: Bool)
    }

    /// Stops of the traced thread after which it is let go: each costs it some 20 us.
    private static let stopsMost = 400
    /// Time between looks at a traced thread, in microseconds: so long it may be held at one of its calls.
    private static let pauseMicroseconds: UInt32 = 100
    /// Time after a stop for which it is looked at without a pause, in nanoseconds: the return from a call comes soon after
    /// it, and the next call often soon after that.
    private static let closeNanoseconds: Int64 = 30_000

    private let shared: Shared

    private final class Shared: Sendable {
        let state = Mutex(State.starting)
        let isCancelled = Atomic<Bool>(false)
    }

    /// Begins to trace a thread that was just seen running; counts each time that it is held.
    init(thread: RemoteThread, wait: WaitCall, counting stops: ThreadStops) throws {
        let shared = Shared()
        self.shared = shared
        let tracer = try OwnThread(name: "loopwatch-trace") {
            Self.trace(thread, wait: wait, shared: shared, counting: stops)
        }
        tracer.detach()
    }

    deinit { shared.isCancelled.store(true, ordering: .relaxed) }

    /// How it stands now.
    package var state: State { shared.state.withLock { $0 } }

    private static func trace(_ thread: RemoteThread, wait: WaitCall, shared: Shared, counting counted: ThreadStops) {
        func end(isRefused: Bool = false) { shared.state.withLock { $0 = .ended(isRefused: isRefused) } }
        let identifier = thread.identifier
        guard lw_trace_seize(identifier) == 0 else { return end(isRefused: errno == EPERM) }
        // Only a thread that runs is stopped: a call that it sleeps in could end with EINTR.
        guard thread.call()?.call == .running else { return end() }
        // Since then at the earliest it is held, if it is.
        var going = Clock.now()
        guard lw_trace_interrupt(identifier) == 0 else { return end() }
        func countStop() {
            let instant = Clock.now()
            counted.add(nanoseconds: instant.nanoseconds(since: going))
            going = instant
        }
        var stops = 0
        var pausesFrom = going
        while !shared.isCancelled.load(ordering: .relaxed) {
            let before = Clock.now()
            let look = lw_trace_look(identifier)
            switch lw_trace_stop(rawValue: UInt32(bitPattern: look.stop)) {
            case lw_trace_running:
                going = before
                if before < pausesFrom { continue }
                usleep(pauseMicroseconds)
                continue
            case lw_trace_before_call where isWait(look, wait):
                let instant = Clock.now()
                lw_trace_release(identifier, 0)
                countStop()
                shared.state.withLock { $0 = .entered(at: instant) }
                return
            case lw_trace_gone: return end()
            case lw_trace_group:
                lw_trace_release(identifier, 0)
                countStop()
                return end()
            default: break
            }
            stops += 1
            guard stops < stopsMost else {
                lw_trace_release(identifier, look.signal)
                countStop()
                return end()
            }
            let instant = Clock.now()
            lw_trace_continue(identifier, look.signal)
            countStop()
            pausesFrom = going.advanced(byNanoseconds: closeNanoseconds)
            shared.state.withLock { if $0 == .starting { $0 = .armed(since: instant) } }
        }
        end()
    }

    private static func isWait(_ look: lw_trace_look, _ wait: WaitCall) -> Bool {
        guard Int(look.number) == wait.number else { return false }
        return SystemCall.epoll.contains(wait.number)
            ? look.argument & 0xFFFF_FFFF == wait.descriptor : look.argument == wait.descriptor
    }

    /// Whether this process may trace any other at all.
    package static var isAllowed: Bool { lw_trace_is_allowed() != 0 }
}
