// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Signals as something that can be waited for together with sockets and the keyboard.
///
/// A thread of its own takes them one by one (sigwaitinfo(2)) and wakes whoever waits. It lives as long as the process.
final class SignalInbox: Sendable {
    private struct Pending {
        var signals: [CInt] = []
    }

    private let pending = Mutex(Pending())
    private let wake: WakeSignal

    /// Blocks the signals on this thread and on those that it starts from now on, and begins to take them.
    ///
    /// To be called before the process has started any other thread.
    ///
    /// - Parameter signals: which ones; one that is ignored is taken all the same.
    /// - Throws: ``SystemError`` when there is no descriptor or thread left.
    init(_ signals: [CInt]) throws {
        wake = try WakeSignal()
        var blocked = sigset_t()
        sigemptyset(&blocked)
        for signal in signals { sigaddset(&blocked, signal) }
        let taken = blocked
        sigaddset(&blocked, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
        let thread = try OwnThread(name: "lw-signals") { [self] in
            var waited = taken
            while true {
                let signal = sigwaitinfo(&waited, nil)
                guard signal > 0 else { continue }
                pending.withLock { if $0.signals.count < 16 { $0.signals.append(signal) } }
                wake.wake()
            }
        }
        thread.detach()
    }

    /// Readable while a signal is pending.
    var descriptor: CInt { wake.descriptor }

    /// Whether a signal is pending, which stays so until it is taken.
    var hasPending: Bool { pending.withLock { !$0.signals.isEmpty } }

    /// Takes the next signal; `nil` if there is none.
    func next() -> CInt? {
        wake.clear()
        return pending.withLock { pending in
            guard !pending.signals.isEmpty else { return nil }
            let signal = pending.signals.removeFirst()
            if !pending.signals.isEmpty { wake.wake() }
            return signal
        }
    }
}
