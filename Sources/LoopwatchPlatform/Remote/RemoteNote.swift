// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import LoopwatchCore

/// What the log is told about the means of a watch, once each.
struct RemoteNote: Hashable {
    /// Notes of one kind are told once.
    let kind: String
    let text: String

    static func == (left: RemoteNote, right: RemoteNote) -> Bool { left.kind == right.kind }
    func hash(into hasher: inout Hasher) { hasher.combine(kind) }

    /// A loop waits too often for breakpoints: more often than `most` times a second.
    static func busyLoop(name: String, most: Int, allowsTracepoints: Bool) -> RemoteNote {
        let means =
            allowsTracepoints
            ? "the kernel's tracepoints are not to be had (sudo mount -t tracefs tracefs /sys/kernel/tracing)"
            : "tracepoints, which cost every process some 60 ns a system call, would time each (allow tracepoints)"
        return RemoteNote(
            kind: "busy \(name)",
            text: "loop \(name) waits more than \(most) times a second, which are 1 % of a CPU if each is timed: "
                + "blocks of it are proved from 25 to 30 ms on; \(means)"
        )
    }

    /// The kernel refused events.
    ///
    /// - Parameter isTraceRefused: whether a filter refuses ptrace as well.
    static func perfRefused(_ error: SystemError, process: RemoteProcess, isTraceRefused: Bool = false) -> RemoteNote {
        let kind = "perf"
        let number = process.identifier
        let loss =
            isTraceRefused
            ? "of process \(number) only sleeps in one call are proved"
            : "loops of process \(number) are watched by looks and ptrace, blocks proved from 25 to 30 ms on"
        let what = isTraceRefused ? "perf events and ptrace" : "perf events"
        if error.code == ENOSPC || error.code == EBUSY {
            let text = "a debugger holds the breakpoints of process \(number): \(loss)"
            return RemoteNote(kind: kind, text: text)
        }
        if error.code == ENOSYS || error.code == EOPNOTSUPP {
            return RemoteNote(kind: kind, text: "this kernel has no events for breakpoints (\(error)): \(loss)")
        }
        let isMemory = error.operation.hasPrefix("mmap")
        if isMemory {
            return RemoteNote(
                kind: kind,
                text: "no more memory for events (\(error)): \(loss); "
                    + "grant with: sudo sysctl kernel.perf_event_mlock_kb=4096"
            )
        }
        if !isTraceRefused, let paranoid = setting("kernel/perf_event_paranoid"), paranoid > 2 {
            return RemoteNote(
                kind: kind,
                text: "\(what) are refused (kernel.perf_event_paranoid is \(paranoid)): \(loss); "
                    + "grant with: sudo sysctl kernel.perf_event_paranoid=2"
            )
        }
        let grant = RemoteAccess(process: number).grant ?? RightsGrant.command(isOwner: true)
        let why = RightsGrant.isFiltered ? "by a filter of system calls, \(error)" : "\(error)"
        return RemoteNote(
            kind: kind,
            text: "\(what) are refused (\(why)): \(loss); grant with: \(grant)"
        )
    }

    /// The kernel does not tell what threads sleep in.
    static func lookRefused(process: RemoteProcess) -> RemoteNote {
        let access = RemoteAccess(process: process.identifier)
        let loss =
            "of process \(process.identifier) only busy stretches are counted, nothing is proved, no stack is read"
        let grant = access.grant.map { "; grant with: \($0)" } ?? ""
        return RemoteNote(kind: "look", text: "\(access.reason): \(loss)\(grant)")
    }

    /// A filter refuses ptrace.
    static func traceRefused(process: RemoteProcess) -> RemoteNote {
        RemoteNote(
            kind: "ptrace",
            text: "ptrace is refused: of process \(process.identifier) only sleeps in one call are proved; "
                + "grant with: \(RightsGrant.command(isOwner: true))"
        )
    }

    private static func setting(_ name: String) -> Int? {
        let digits = WholeFile.bytes(at: "/proc/sys/\(name)", atMost: 32).prefix { $0 != 10 }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
