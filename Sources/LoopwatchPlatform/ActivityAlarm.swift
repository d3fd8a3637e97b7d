// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc

/// Wakes one thread of Loopwatch's once the process has used so much CPU time (timer_create(2) on the process's CPU clock).
///
/// The kernel looks at that clock at its ticks, so it goes off up to a tick late, 4 ms as a rule; a process that is idle has no
/// ticks, and is not woken for it. While it is set, each thread of the process adds its CPU time to a sum of the process when the
/// kernel accounts it. The signal goes to this thread alone, which blocks it: no handler of the host runs, no other thread sees
/// it, and no system call is interrupted.
///
/// Belongs to the thread that created it, an ``OwnThread``.
package final class ActivityAlarm {
    /// Nothing but a number: what is sent to one thread, which blocks it, has no effect but on the descriptor.
    ///
    /// Should a closure of the host let it through, its default is to be ignored.
    private static let signal = SIGURG

    /// The kernel's number of the timer as a pointer: that of the first of a process is 0, and so `nil` is one as well.
    private let timer: timer_t?
    private let hasTimer: Bool
    /// Readable once the alarm went off.
    let descriptor: CInt
    private var isSet = false
    /// In which the alarm is awaited together with a signal; -1 where that cannot be had.
    private var waitSet: CInt?

    /// Creates an alarm for the calling thread.
    ///
    /// - Throws: ``SystemError`` where the kernel has no such timer, or the process no descriptor left.
    package init() throws {
        descriptor = lw_signalfd(Self.signal)
        if descriptor < 0 {
            (timer, hasTimer) = (nil, false)
            throw SystemError(operation: "signalfd")
        }
        var event = sigevent()
        event.sigev_notify = CInt(SIGEV_THREAD_ID)
        event.sigev_signo = Self.signal
        event._sigev_un._tid = OwnThread.currentIdentifier
        var timer: timer_t?
        guard timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0 else {
            let error = SystemError(operation: "timer_create")
            (self.timer, hasTimer) = (nil, false)
            throw error
        }
        (self.timer, hasTimer) = (timer, true)
    }

    deinit {
        if hasTimer { timer_delete(timer) }
        if descriptor >= 0 { close(descriptor) }
        if let waitSet, waitSet >= 0 { close(waitSet) }
    }

    /// Waits until a signal's descriptor is readable (1), or the alarm went off (2), or for a time in nanoseconds (below 0: for
    /// ever); below 0 with `errno` set.
    func wait(with signal: CInt, nanoseconds: Int64) -> CInt {
        let set = waitSet ?? lw_wait_set(signal, descriptor)
        waitSet = set
        if set >= 0 {
            let result = lw_wait_readable_in(set, nanoseconds)
            guard result < 0, errno != EINTR else { return result }
            // A kernel without the call, or a sandbox that does not know it. After any other error the number may be that of
            // a file of the host's.
            if errno == ENOSYS || errno == EPERM { close(set) }
            waitSet = -1
        }
        return lw_wait_readable(signal, descriptor, nanoseconds)
    }

    /// Sets it anew: it goes off once, when the process has used so much CPU time from now on, in nanoseconds.
    ///
    /// Costs one system call.
    package func set(afterCPUNanoseconds nanoseconds: Int64) {
        isSet = true
        apply(nanoseconds)
    }

    /// Unsets it; costs nothing if it is not set.
    package func unset() {
        guard isSet else { return }
        isSet = false
        apply(0)
    }

    /// Takes what is pending.
    func clear() {
        isSet = false
        // As long as one signalfd_siginfo is (signalfd(2)); more than one is never pending.
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { buffer in
            _ = read(descriptor, buffer.baseAddress, buffer.count)
        }
    }

    private func apply(_ nanoseconds: Int64) {
        var time = itimerspec()
        time.it_value = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        timer_settime(timer, 0, &time, nil)
    }
}
