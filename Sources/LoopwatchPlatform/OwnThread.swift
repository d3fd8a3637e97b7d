// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
internal import Synchronization

/// An operating system thread of Loopwatch's own: never a Task, a Dispatch queue or a loop of the host.
///
/// The thread blocks every signal, so that no handler of the host runs on it, but for one while it calls the host's
/// closures (``withProfilingSignal(_:)``).
package final class OwnThread: Sendable {
    private let handle: pthread_t
    private let fate: ThreadFate
    /// The kernel's number of the thread.
    package let identifier: ThreadIdentifier

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: shown by `ps -L` and `top -H`; at most 15 bytes, or the kernel refuses it.
    ///   - blocksSignals: whether it blocks every signal; one that plays the host, in a test, does not.
    ///   - turns: how soon it gets a CPU; one that plays the host gets it as others do.
    ///   - body: what the thread runs; the thread ends when it returns.
    /// - Throws: ``SystemError`` when the system allows no more threads.
    package init(
        name: String,
        blocksSignals: Bool = true,
        turns: ThreadTurns = .short,
        body: @escaping @Sendable () -> Void
    ) throws {
        let start = Start(name: name, turns: blocksSignals ? turns : nil, body: body)
        let reference = Unmanaged.passRetained(start)
        var blocked = sigset_t()
        var previous = sigset_t()
        // The new thread inherits the mask: with all signals blocked from its first instruction there is no gap.
        if blocksSignals {
            sigfillset(&blocked)
            pthread_sigmask(SIG_SETMASK, &blocked, &previous)
            Self.isProfilingBlocked.store(sigismember(&previous, SIGPROF) == 1, ordering: .relaxed)
        } else {
            pthread_sigmask(SIG_SETMASK, nil, &previous)
        }
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                lw_set_thread_name(start.name)
                start.turns?.request()
                start.identifier.fulfill(lw_gettid())
                start.body()
                if start.fate.ends() { pthread_detach(pthread_self()) }
                return nil
            },
            reference.toOpaque()
        )
        guard code == 0 else {
            reference.release()
            throw SystemError(operation: "pthread_create \(name)", code: code)
        }
        handle = thread
        fate = start.fate
        identifier = start.identifier.wait()
    }

    /// Runs a closure of the host with `SIGPROF` let through, if it was where the thread was started.
    ///
    /// Dispatch starts worker threads in such closures, which inherit the mask: they would be deaf to profilers for good,
    /// the host's and ours. It blocks all other asynchronous signals on them itself.
    package static func withProfilingSignal(_ closure: () -> Void) {
        guard !isProfilingBlocked.load(ordering: .relaxed) else { return closure() }
        var profiling = sigset_t()
        sigemptyset(&profiling)
        sigaddset(&profiling, SIGPROF)
        pthread_sigmask(SIG_UNBLOCK, &profiling, nil)
        closure()
        pthread_sigmask(SIG_BLOCK, &profiling, nil)
    }

    /// Whether the thread that started the latest thread of Loopwatch blocked `SIGPROF`.
    private static let isProfilingBlocked = Atomic<Bool>(false)

    /// Threads of this process, as the kernel lists them; the rest is left out.
    package static func identifiersInProcess(atMost count: Int) -> [ThreadIdentifier] {
        ProcessList.numbers(in: "/proc/self/task", atMost: count)
    }

    /// Waits until the thread has ended; call once, and not from the thread itself.
    package func join() {
        pthread_join(handle, nil)
    }

    /// Lets the thread end by itself, when nothing can wait for it; instead of ``join()``.
    ///
    /// The thread detaches itself. glibc still reads of one that another thread detaches after that one may have ended, and its
    /// memory with it: pthread_detach(3) then crashes the process, which happened once in 150,000 threads that ended at once.
    package func detach() {
        if fate.isLetGo() { pthread_join(handle, nil) }
    }

    /// Whether the caller runs on this thread.
    package var isCurrent: Bool { identifier == lw_gettid() }

    /// The kernel's number of the calling thread.
    package static var currentIdentifier: ThreadIdentifier { lw_gettid() }
}

/// Whether a thread has ended or is to end by itself, whichever comes first.
private final class ThreadFate: Sendable {
    private enum State: UInt8, AtomicRepresentable {
        case runs, isLetGo, hasEnded
    }

    private let state = Atomic(State.runs)

    /// The thread is about to end; returns whether nobody waits for that.
    func ends() -> Bool { state.exchange(.hasEnded, ordering: .acquiringAndReleasing) == .isLetGo }

    /// Nobody waits for the thread; returns whether it has come to its end already, which takes but a moment more.
    func isLetGo() -> Bool { state.exchange(.isLetGo, ordering: .acquiringAndReleasing) == .hasEnded }
}

/// What a new thread is told.
private final class Start: Sendable {
    let name: String
    let turns: ThreadTurns?
    let body: @Sendable () -> Void
    let identifier = IdentifierBox()
    let fate = ThreadFate()

    init(name: String, turns: ThreadTurns?, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.turns = turns
        self.body = body
    }
}
