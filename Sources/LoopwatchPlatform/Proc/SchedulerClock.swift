// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
package import LoopwatchCore

/// A reading of the scheduler's task clock, which each processor has for itself.
package struct SchedulerInstant: Sendable, Equatable {
    /// Nanoseconds on that clock.
    package var nanoseconds: Int64
    /// The processor whose clock it is.
    package var processor: Int

    /// Creates a reading.
    package init(nanoseconds: Int64, processor: Int) {
        self.nanoseconds = nanoseconds
        self.processor = processor
    }
}

/// Translates the scheduler's task clocks, on which the kernel notes when a thread last ran, to the monotonic clock.
///
/// A task clock stands still while the hypervisor runs something else on its processor (kernel/sched/core.c,
/// `update_rq_clock_task`), so on a virtual machine the clocks of two processors lie seconds apart, and the difference to
/// the monotonic clock has to be taken anew at each use, on the same processor: the calling thread goes there for a
/// moment, and reads when the kernel says that it arrived. Only to processors that it may run on anyway.
package enum SchedulerClock {
    /// The monotonic instant of a reading that was taken a moment ago; `nil` where the kernel does not tell, or the
    /// calling thread may not run on that processor.
    ///
    /// Costs about 100 us.
    package static func instant(of reading: SchedulerInstant) -> MonotonicInstant? {
        var affinity = lw_affinity()
        guard lw_visit_processor(CInt(clamping: reading.processor), &affinity) == 0 else { return nil }
        defer { lw_leave_processor(&affinity) }
        let arrived = Clock.now()
        guard let own = ThreadView(OwnThread.currentIdentifier).lastRun(), own.processor == reading.processor else {
            return nil
        }
        return MonotonicInstant(nanoseconds: reading.nanoseconds + arrived.nanoseconds - own.nanoseconds)
    }
}
