// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
package import LoopwatchCore
internal import Synchronization

/// Something one thread sleeps on and others wake: an eventfd.
///
/// Waking is safe from any thread, never waits for the waiter and allocates nothing.
package final class WakeSignal: Sendable {
    /// The descriptor, for waiting on it together with others; readable while a wake-up is pending.
    package let descriptor: CInt
    private let isClosed = Mutex(false)

    /// Creates a signal.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    package init() throws {
        descriptor = lw_eventfd()
        if descriptor < 0 { throw SystemError(operation: "eventfd") }
    }

    deinit { close() }

    /// Gives the descriptor back, once nobody waits any more; later wake-ups do nothing.
    package func close() {
        isClosed.withLock { isClosed in
            if !isClosed { Glibc.close(descriptor) }
            isClosed = true
        }
    }

    /// Wakes the waiter, or lets its next wait return at once.
    package func wake() {
        // Under the lock, so that the number is not another file's by then; the write never waits.
        isClosed.withLock { isClosed in
            guard !isClosed else { return }
            // A full counter (EAGAIN) means that a wake-up is pending already.
            var one: UInt64 = 1
            _ = write(descriptor, &one, 8)
        }
    }

    /// Takes what is pending, so that the next wait sleeps again.
    package func clear() {
        var value: UInt64 = 0
        _ = read(descriptor, &value, 8)
    }

    /// What has ended a wait; empty for its deadline.
    package struct Wakening: OptionSet, Sendable {
        package let rawValue: CInt
        /// Somebody woke the thread.
        package static let signal = Wakening(rawValue: 1)
        /// The alarm went off.
        package static let alarm = Wakening(rawValue: 2)

        package init(rawValue: CInt) { self.rawValue = rawValue }

        /// Whether it was the deadline; for a thread that wakes often, as nothing is looked up for it.
        package var isDeadline: Bool { rawValue == 0 }
        /// Whether the alarm went off.
        package var isOfAlarm: Bool { rawValue & 2 != 0 }
    }

    /// Sleeps until woken or until the deadline (`nil`: for ever); returns whether it was woken.
    package func wait(until deadline: MonotonicInstant?) -> Bool {
        wait(until: deadline, alarm: nil).contains(.signal)
    }

    /// The same, and until the alarm goes off, which belongs to this thread.
    package func wait(until deadline: MonotonicInstant?, alarm: ActivityAlarm?) -> Wakening {
        while true {
            let remaining = deadline.map { max(0, $0.nanoseconds(since: Clock.now())) } ?? -1
            let result =
                alarm?.wait(with: descriptor, nanoseconds: remaining) ?? lw_wait_readable(descriptor, -1, remaining)
            if result < 0, errno == EINTR { continue }
            let wakening = Wakening(rawValue: max(0, result))
            if wakening.contains(.signal) { clear() }
            if wakening.contains(.alarm) { alarm?.clear() }
            return wakening
        }
    }
}
