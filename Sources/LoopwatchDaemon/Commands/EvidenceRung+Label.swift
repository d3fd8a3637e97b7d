// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

extension EvidenceRung {
    /// The word for it on the command line and in configurations.
    var label: String {
        switch self {
        case .executionBreakpoints: "breakpoints"
        case .tracepoints: "tracepoints"
        case .armedBreakpoints: "armed-breakpoints"
        case .confirmedPolling: "ptrace"
        case .polling: "polling"
        }
    }
}
