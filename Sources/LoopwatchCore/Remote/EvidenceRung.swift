// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How far a report about another process may be trusted.
public enum EvidenceGrade: String, Sendable, Equatable, CaseIterable {
    /// Beginning and end were timed by the kernel.
    case exact
    /// The length is proved to be at least what is said, and at most what is said beside it.
    case bounded
    /// What was seen may also be many short jobs: it is counted, and never called a block.
    case unproven
}

/// By which means the event loops of another process are watched, the best first.
public enum EvidenceRung: String, Sendable, Equatable, CaseIterable {
    /// The kernel times each entry to the loop's wait and each return from it, by breakpoints on its system call.
    case executionBreakpoints
    /// The same by the kernel's tracepoints of system calls, which all processes of the machine pay for.
    case tracepoints
    /// Breakpoints that are armed only while a loop stays away from its wait, because it waits too often for more.
    case armedBreakpoints
    /// The thread is looked at, and its next wait is awaited by ptrace once it stays away.
    case confirmedPolling
    /// The thread is only looked at.
    case polling

    /// The best that a report on this rung can be.
    public var grade: EvidenceGrade {
        switch self {
        case .executionBreakpoints, .tracepoints: .exact
        case .armedBreakpoints, .confirmedPolling: .bounded
        case .polling: .unproven
        }
    }

    /// What the rung assures, as a short sentence.
    public var guarantee: String {
        switch self {
        case .executionBreakpoints, .tracepoints:
            "Every iteration is timed by the kernel; none is missed, and many short ones are never taken for a long one."
        case .armedBreakpoints:
            "Blocks are proved from 25 to 30 ms after their beginning on; their length is at least what is said."
        case .confirmedPolling:
            "Blocks are proved by ptrace from 25 to 30 ms after their beginning on; their length is at least what is said."
        case .polling:
            "Only sleeps in a system call are proved; a thread that computes is counted as busy, and not called blocked."
        }
    }
}
