// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// One thread of another process, seen through /proc: nothing here touches it.
package struct RemoteThread: Sendable {
    /// The kernel's number of it.
    package let identifier: Int32
    private let folder: String
    private let callFile: ProcFile?
    private let scheduleFile: ProcFile?
    private let stateFile: ProcFile?

    /// Clocks of a thread, in nanoseconds since it began, and how many times it was put on a CPU.
    package struct Schedule: Sendable, Equatable {
        /// Time for which it computed.
        package var computedNanoseconds: Int64
        /// Time for which it waited for a CPU.
        package var delayedNanoseconds: Int64
        /// Times it was put on a CPU.
        package var runs: Int64
    }

    /// Opens the files of a thread; what cannot be opened is not told.
    ///
    /// - Parameter isSampled: whether only its calls will be asked for.
    package init(process: Int32, thread: Int32, isSampled: Bool = false) {
        identifier = thread
        folder = "/proc/\(process)/task/\(thread)"
        callFile = ProcFile(path: "\(folder)/syscall")
        scheduleFile = isSampled ? nil : ProcFile(path: "\(folder)/schedstat")
        stateFile = isSampled ? nil : ProcFile(path: "\(folder)/stat")
    }

    /// Whether the kernel tells what the thread sleeps in: it does to those who may trace it.
    package var tellsCalls: Bool { callFile != nil && call() != nil }

    /// What it sleeps in; `nil` where the kernel does not tell, or it is gone.
    ///
    /// Costs about 2 us.
    package func call() -> RemoteCall? {
        guard let callFile else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
            let count = callFile.read(into: buffer)
            return RemoteCall(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Its clocks (Documentation/scheduler/sched-stats.rst); `nil` if it is gone.
    ///
    /// Costs about 1 us, and needs no right.
    package func schedule() -> Schedule? {
        guard let scheduleFile else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { buffer in
            var fields = InlineFields(UnsafeRawBufferPointer(rebasing: buffer[..<scheduleFile.read(into: buffer)]))
            guard let computed = fields.decimal(), let delayed = fields.decimal(), let runs = fields.decimal() else {
                return nil
            }
            return Schedule(
                computedNanoseconds: Int64(clamping: computed),
                delayedNanoseconds: Int64(clamping: delayed),
                runs: Int64(clamping: runs)
            )
        }
    }

    /// The letter for its state (proc(5), field 3 of `stat`): `R` runs or is ready, `S` and `D` sleep, `T` and `t` are
    /// stopped; `nil` if it is gone.
    ///
    /// Costs about 4 us, and needs no right.
    package func state() -> Character? {
        guard let stateFile else { return nil }
        let line = stateFile.bytes(atMost: 128)
        guard let end = line.lastIndex(of: 41), line.indices.contains(end + 2) else { return nil }
        return Character(Unicode.Scalar(line[end + 2]))
    }

    /// Its name, of at most 15 bytes.
    package var comm: String {
        String(decoding: WholeFile.bytes(at: "\(folder)/comm", atMost: 64).prefix { $0 != 10 }, as: UTF8.self)
    }
}
