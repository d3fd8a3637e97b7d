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

    /// A loop waits too often for breakpoints.
    static func busyLoop(name: String, allowsTracepoints: Bool) -> RemoteNote {
        let most = EdgeBudget.iterationsPerSecond
        let means =
            allowsTracepoints
            ? "the kernel's tracepoints are not to be had (sudo mount -t tracefs tracefs /sys/kernel/tracing)"
            : "tracepoints, which cost every process some 60 ns a system call, would time each (allow tracepoints)"
        return RemoteNote(
            kind: "busy \(name)",
            text: "loop \(name) waits more than \(most) times a second: blocks of it are proved from 20 ms on; \(means)"
        )
    }

    /// The kernel refused events.
    static func perfRefused(_ error: SystemError, process: RemoteProcess) -> RemoteNote {
        let kind = "perf"
        let loss = "loops of process \(process.identifier) are watched by looks and ptrace, blocks proved from 20 ms on"
        if error.code == ENOSPC || error.code == EBUSY {
            let text = "a debugger holds the breakpoints of process \(process.identifier): \(loss)"
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
        if let paranoid = setting("kernel/perf_event_paranoid"), paranoid > 2 {
            return RemoteNote(
                kind: kind,
                text: "perf events are refused (kernel.perf_event_paranoid is \(paranoid)): \(loss); "
                    + "grant with: sudo sysctl kernel.perf_event_paranoid=2"
            )
        }
        return RemoteNote(kind: kind, text: "perf events are refused (\(error)): \(loss); grant with: \(capabilities)")
    }

    /// The kernel does not tell what threads sleep in.
    static func lookRefused(process: RemoteProcess) -> RemoteNote {
        let number = process.identifier
        let loss = "of process \(number) only busy stretches are counted, nothing is proved"
        let isOwn = process.user == geteuid()
        if isOwn, !process.isHidden, let scope = setting("kernel/yama/ptrace_scope"), scope > 0 {
            return RemoteNote(
                kind: "look",
                text: "only parents may look into processes (kernel.yama.ptrace_scope is \(scope)): \(loss); "
                    + "grant with: sudo sysctl kernel.yama.ptrace_scope=0"
            )
        }
        let why =
            isOwn
            ? "process \(number) hides itself from its own user" : "process \(number) belongs to another user"
        return RemoteNote(kind: "look", text: "\(why): \(loss); grant with: \(capabilities)")
    }

    /// A filter refuses ptrace.
    static func traceRefused(process: RemoteProcess) -> RemoteNote {
        RemoteNote(
            kind: "ptrace",
            text: "ptrace is refused: of process \(process.identifier) only sleeps in one call are proved; "
                + "grant with: \(capabilities)"
        )
    }

    private static var capabilities: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path =
            count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : "loopwatch"
        return "sudo setcap cap_perfmon,cap_sys_ptrace=ep \(path)"
    }

    private static func setting(_ name: String) -> Int? {
        let digits = WholeFile.bytes(at: "/proc/sys/\(name)", atMost: 32).prefix { $0 != 10 }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
