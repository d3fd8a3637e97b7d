// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime

/// The registers and a piece of the stack of a thread that was stopped for some microseconds.
struct StoppedThread {
    /// What came of stopping threads.
    struct Tally: Equatable {
        var stops = 0
        var nanosecondsTotal: UInt64 = 0
        var nanosecondsMost: UInt64 = 0
        var callsRestarted = 0
        var callsInterrupted = 0
    }

    /// Why there is none.
    enum Failure: Error, Equatable {
        /// It sleeps, and was left alone.
        case sleeping
        /// It is gone.
        case gone
        /// The system refused.
        case refused(SystemError)
    }

    /// The registers.
    let registers: Registers
    /// Address of the first byte of the stack that was copied.
    let stackAddress: UInt64
    /// How many bytes were.
    let stackBytes: Int

    /// Stops a thread and lets it go on.
    ///
    /// - Parameters:
    ///   - thread: the thread.
    ///   - process: its process.
    ///   - callDescriptor: its `/proc/PID/task/TID/syscall`, read once more right before: it is not stopped in a system call,
    ///     which the stop would end.
    ///   - buffer: where its stack is copied to.
    ///   - tally: where the stop is counted.
    init(
        _ thread: ThreadIdentifier,
        of process: Int32,
        callDescriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        counting tally: inout Tally
    ) throws(Failure) {
        guard let place = buffer.baseAddress else { throw .gone }
        var stop = lw_thread_stop()
        let outcome = lw_stop_thread(process, thread, callDescriptor, place, buffer.count, &stop)
        let refusal = SystemError(operation: "ptrace \(thread)")
        if stop.held_ns > 0 {
            tally.stops += 1
            tally.nanosecondsTotal &+= stop.held_ns
            tally.nanosecondsMost = max(tally.nanosecondsMost, stop.held_ns)
            tally.callsRestarted += Int(stop.restarted_call)
            tally.callsInterrupted += Int(stop.interrupted_call)
        }
        switch outcome {
        case LW_STOP_DONE: break
        case LW_STOP_NOT_RUNNING: throw .sleeping
        case LW_STOP_REFUSED: throw .refused(refusal)
        default: throw .gone
        }
        registers = withUnsafeBytes(of: stop.registers) {
            Registers(dwarf: $0.bindMemory(to: UInt64.self).prefix(Int(stop.register_count)))
        }
        stackAddress = registers.stackPointer
        stackBytes = stop.stack_bytes
    }
}

/// Where the stack of a stopped thread is copied to: made once, so that nothing is allocated while a thread is held.
final class StackCopy {
    /// The memory.
    let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: RemoteStackLimits.stoppedStackBytes,
        alignment: 16
    )

    deinit { bytes.deallocate() }
}
