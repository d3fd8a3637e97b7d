// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
package import LoopwatchCore

/// The kernel's record of a thread's entries to a system call and its returns from it (perf_event_open(2)).
///
/// Belongs to one thread. The kernel forgets the events when the value goes, or this process ends.
package final class PerfEdges {
    /// By which event the kernel notices an edge.
    package enum Means: Sendable, Equatable {
        /// Breakpoints at the instruction that calls the system, and behind it, where `programCounter` points.
        case breakpoints(programCounter: UInt64)
        /// Tracepoints of the call, by their numbers.
        case tracepoints(entry: UInt64, exit: UInt64)
    }

    /// Pages of records: breakpoints are for loops that wait a few hundred times a second, and a user's locked memory is
    /// limited (perf_event_mlock_kb: 129 pages for each processor).
    private static let breakpointPages = 16
    /// Tracepoints are for loops that wait up to some 10,000 times a second.
    private static let tracepointPages = 128
    /// Records that are read at once.
    private static let recordsAtOnce = 512
    /// Records that are read in one look, so that a thread that makes them without end does not hold up the watch.
    private static let recordsMost = 65_536

    /// By which event the kernel notices an edge.
    package let means: Means
    /// Whether edges are being recorded.
    package private(set) var isEnabled = false
    private let entry: Descriptor
    private let exit: Descriptor
    private let entryIdentifier: UInt64
    private let exitIdentifier: UInt64
    private let ring: UnsafeMutableRawPointer
    private let pages: Int
    private let isTracepoint: Bool
    private let records: UnsafeMutableBufferPointer<lw_perf_record>

    /// Opens the events of a thread, disabled.
    ///
    /// - Throws: ``SystemError``: `EACCES` and `EPERM` where the kernel does not allow it, `ENOSPC` and `EBUSY` where a
    ///   debugger has taken the thread's breakpoints, `ESRCH` for a thread that is gone.
    package init(thread: Int32, means: Means) throws(SystemError) {
        func opened(_ event: Int32, _ what: String) throws(SystemError) -> Descriptor {
            guard event >= 0 else { throw SystemError(operation: "perf_event_open (\(what))") }
            return Descriptor(owning: event)
        }
        switch means {
        case .breakpoints(let programCounter):
            let size = UInt64(lw_perf_call_instruction_size())
            guard size > 0, programCounter > size else {
                throw SystemError(operation: "perf_event_open (breakpoint)", code: EOPNOTSUPP)
            }
            entry = try opened(lw_perf_open_breakpoint(thread, programCounter - size), "breakpoint")
            exit = try opened(lw_perf_open_breakpoint(thread, programCounter), "breakpoint")
            isTracepoint = false
            pages = Self.breakpointPages
        case .tracepoints(let first, let second):
            entry = try opened(lw_perf_open_tracepoint(thread, first), "tracepoint")
            exit = try opened(lw_perf_open_tracepoint(thread, second), "tracepoint")
            isTracepoint = true
            pages = Self.tracepointPages
        }
        var (first, second): (UInt64, UInt64) = (0, 0)
        guard lw_perf_identifier(entry.number, &first) == 0, lw_perf_identifier(exit.number, &second) == 0 else {
            throw SystemError(operation: "PERF_EVENT_IOC_ID")
        }
        guard let ring = lw_perf_map(entry.number, pages) else { throw SystemError(operation: "mmap of perf events") }
        guard lw_perf_share_ring(exit.number, entry.number) == 0 else {
            let error = SystemError(operation: "PERF_EVENT_IOC_SET_OUTPUT")
            lw_perf_unmap(ring, pages)
            throw error
        }
        self.means = means
        self.ring = ring
        entryIdentifier = first
        exitIdentifier = second
        records = .allocate(capacity: Self.recordsAtOnce)
    }

    deinit {
        lw_perf_unmap(ring, pages)
        records.deallocate()
    }

    /// Begins or ends recording; returns whether that was possible.
    package func enable(_ isEnabled: Bool) -> Bool {
        guard isEnabled != self.isEnabled else { return true }
        let value: Int32 = isEnabled ? 1 : 0
        // The return first: an entry without its return would be taken for a wait that goes on.
        let events = isEnabled ? [exit, entry] : [entry, exit]
        for event in events where lw_perf_enable(event.number, value) != 0 { return false }
        self.isEnabled = isEnabled
        return true
    }

    /// Takes out what was recorded since the last time, in the order of time.
    ///
    /// A look at memory: nothing is asked of the kernel.
    package func drain() -> [WaitEdge] {
        var edges: [WaitEdge] = []
        var latest = MonotonicInstant(nanoseconds: 0)
        while edges.count < Self.recordsMost {
            let count = lw_perf_read(
                ring,
                pages,
                isTracepoint ? 1 : 0,
                entryIdentifier,
                records.baseAddress!,
                records.count
            )
            for record in records[..<count] {
                let instant = MonotonicInstant(nanoseconds: Int64(clamping: record.time_ns))
                if let edge = edge(record, at: record.time_ns == 0 ? latest : instant) { edges.append(edge) }
                latest = max(latest, instant)
            }
            if count < records.count { break }
        }
        return edges
    }

    private func edge(_ record: lw_perf_record, at instant: MonotonicInstant) -> WaitEdge? {
        // What the kernel dropped, or did not record for a moment.
        guard record.kind == lw_perf_sample.rawValue else { return .lost(at: instant) }
        if record.identifier == exitIdentifier { return .returned(record.value, at: instant) }
        guard record.identifier == entryIdentifier else { return nil }
        let number = Int(truncatingIfNeeded: record.value)
        let isEpoll = SystemCall.epoll.contains(number)
        let descriptor = isEpoll ? record.argument & 0xFFFF_FFFF : record.argument
        return .entered(WaitCall(number: number, descriptor: descriptor), at: instant)
    }
}
