// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Why a target made no progress, decided by mechanism and never by size.
public enum Cause: Sendable, Hashable {
    /// The thread computed.
    case cpu
    /// The thread slept in the kernel, in the named system call.
    case syscall(String)
    /// The thread waited for a lock (a futex).
    case lock
    /// The thread was ready to run, and the kernel did not run it.
    case runqueue
    /// The cgroup's CPU quota was used up.
    case throttled
    /// The whole process or machine stood still.
    case suspended
    /// Very many short jobs, none of them long.
    case congestion
    /// Every thread of a pool was held.
    case starvation
    /// The evidence does not tell.
    case unknown

    /// The bounded label value: system calls are not told apart.
    public var label: String {
        switch self {
        case .cpu: "cpu"
        case .syscall: "syscall"
        case .lock: "lock"
        case .runqueue: "runqueue"
        case .throttled: "throttled"
        case .suspended: "suspended"
        case .congestion: "congestion"
        case .starvation: "starvation"
        case .unknown: "unknown"
        }
    }

    /// What the warning line says, such as `syscall:clock_nanosleep`.
    public var text: String {
        if case .syscall(let name) = self { return "syscall:\(name)" }
        return label
    }

    /// The labels that a finished block can have, in the order of exposition.
    public static let blockLabels = ["cpu", "syscall", "lock", "runqueue", "throttled", "starvation", "unknown"]
}
