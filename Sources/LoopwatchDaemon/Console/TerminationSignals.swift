// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore
internal import LoopwatchPlatform

/// The signals that end the program, taken one by one on the main thread instead of by a handler.
///
/// They have to be blocked in every thread to be waited for (sigwait(3)); threads inherit the mask, so
/// ``init()`` comes before any other thread starts.
struct TerminationSignals {
    private let waited: sigset_t
    private let hangupReloads: Bool

    /// Blocks the signals on this thread and on those that it starts from now on.
    ///
    /// - Parameter hangupReloads: whether `SIGHUP` asks for something else than the end, as it does of a daemon.
    init(hangupReloads: Bool = false) {
        self.hangupReloads = hangupReloads
        var waited = sigset_t()
        sigemptyset(&waited)
        sigaddset(&waited, SIGINT)
        sigaddset(&waited, SIGTERM)
        if hangupReloads {
            // One that is ignored, as under nohup(1), would never come.
            Glibc.signal(SIGHUP, SIG_DFL)
            sigaddset(&waited, SIGHUP)
        } else if !Self.isIgnored(SIGHUP) {
            // Under nohup(1) the terminal's end is to be ignored; waiting for the signal would take it all the same.
            sigaddset(&waited, SIGHUP)
        }
        self.waited = waited
        var blocked = waited
        // A closed pipe is an error of write(2) here, not the end of the process.
        sigaddset(&blocked, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &blocked, nil)
    }

    /// Waits for one of the signals, or until the deadline (`nil`: for ever).
    ///
    /// - Returns: whether a signal came.
    @discardableResult
    func wait(until deadline: MonotonicInstant?) -> Bool { next(until: deadline) != nil }

    /// Waits for the next of the signals, or until the deadline (`nil`: for ever).
    ///
    /// - Returns: the signal; `nil` if none came.
    func next(until deadline: MonotonicInstant?) -> CInt? {
        var waited = waited
        while true {
            let result: CInt
            if let deadline {
                let remaining = max(0, deadline.nanoseconds(since: Clock.now()))
                var timeout = timespec(
                    tv_sec: Int(remaining / 1_000_000_000),
                    tv_nsec: Int(remaining % 1_000_000_000)
                )
                result = sigtimedwait(&waited, nil, &timeout)
            } else {
                result = sigwaitinfo(&waited, nil)
            }
            if result < 0, errno == EINTR { continue }
            return result > 0 ? result : nil
        }
    }

    /// Lets the next signal end the process at once: what there is to tidy up must not be what holds up a user.
    func letNextEndProcess() {
        var waited = waited
        // One that came by ``raise()`` while the wait ended by itself has had its effect.
        var none = timespec()
        sigtimedwait(&waited, nil, &none)
        // A script's shell has programs in the background ignore SIGINT.
        for signal in [SIGINT, SIGTERM] { Glibc.signal(signal, SIG_DFL) }
        // To reload is pointless by now, and no reason to end at once.
        if hangupReloads { Glibc.signal(SIGHUP, SIG_IGN) }
        pthread_sigmask(SIG_UNBLOCK, &waited, nil)
    }

    /// Ends the wait from another thread of this process.
    static func raise() {
        kill(getpid(), SIGTERM)
    }

    private static func isIgnored(_ signal: CInt) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
            == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
