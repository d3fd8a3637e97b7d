// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// One thread of this process, seen from outside: its clock, where it sleeps, and how long it waited for a CPU.
///
/// Nothing here touches the thread, and nothing needs a privilege.
///
/// Not safe for use from several threads at once: it belongs to the watchdog.
package struct ThreadView: Sendable {
    /// The thread.
    package let identifier: ThreadIdentifier
    private let callFile: ProcFile?
    private let schedstatFile: ProcFile?

    /// Opens the files of a thread; what cannot be opened is not told.
    package init(_ identifier: ThreadIdentifier) {
        self.identifier = identifier
        let folder = "/proc/self/task/\(identifier)"
        callFile = ProcFile(path: "\(folder)/syscall")
        schedstatFile = ProcFile(path: "\(folder)/schedstat")
    }

    /// CPU clock of the thread, in nanoseconds; `nil` when it is gone.
    ///
    /// Costs 0.4 us.
    package func cpuNanoseconds() -> Int64? {
        Clock.threadCPUNanoseconds(of: identifier)
    }

    /// Where the thread sleeps; `nil` where the kernel does not tell.
    ///
    /// Costs about 2 us.
    package func call() -> ThreadCall? {
        guard let callFile else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
            let count = callFile.read(into: buffer)
            return ThreadCall(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Time for which the thread has waited for a CPU, in nanoseconds.
    package func runDelayNanoseconds() -> Int64? { schedule()?.delayNanoseconds }

    /// Time for which the thread has waited for a CPU, in nanoseconds, and how many times it was put on one.
    package func schedule() -> (delayNanoseconds: Int64, runs: Int64)? {
        guard let schedstatFile else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { buffer in
            let line = UnsafeRawBufferPointer(rebasing: buffer[..<schedstatFile.read(into: buffer)])
            guard let delay = SchedulerStatistics.runDelayNanoseconds(schedstat: line),
                let runs = SchedulerStatistics.runs(schedstat: line)
            else { return nil }
            return (delay, runs)
        }
    }

    /// When the thread last ran, on the clock of the processor that it ran on; `nil` on kernels without
    /// `/proc/PID/sched`.
    ///
    /// Opens two files: about 50 us, for use on suspicion only.
    package func lastRun() -> SchedulerInstant? {
        let folder = "/proc/self/task/\(identifier)"
        guard let sched = ProcFile(path: "\(folder)/sched"), let stat = ProcFile(path: "\(folder)/stat"),
            let nanoseconds = SchedulerStatistics.lastRunNanoseconds(sched: sched.bytes(atMost: 256)),
            let processor = SchedulerStatistics.processor(stat: stat.bytes(atMost: 1_024))
        else { return nil }
        return SchedulerInstant(nanoseconds: nanoseconds, processor: processor)
    }
}
