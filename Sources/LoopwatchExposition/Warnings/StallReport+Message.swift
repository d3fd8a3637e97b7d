// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

extension StallReport {
    /// The word for how bad it is, as the warning line says it.
    var level: String {
        if kind == .interruption { return "INFO" }
        return switch severity {
        case .warning, nil: "WARN"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    /// Appends what happened, for people: `loop blocked for 312ms`.
    func appendMessage(to buffer: inout [UInt8]) {
        buffer.append(text: subject.rawValue)
        switch kind {
        case .stall: buffer.append(text: " blocked for ")
        case .hold: buffer.append(text: " thread held for ")
        case .congestion: buffer.append(text: " congested for ")
        case .interruption: buffer.append(text: cause == .suspended ? " suspended for " : " starved of CPU for ")
        }
        buffer.append(millisecondsOfNanoseconds: durationNanoseconds)
    }

    /// What the system call was about, or which lock it was; `nil` where the cause is neither.
    var systemCallDetail: String? {
        switch cause {
        case .syscall: causeDetail
        // Of a lock in this process nothing is known; what is noted is of a call before.
        case .lock where process != nil: causeDetail
        default: nil
        }
    }

    /// The CPU share within its bounds; `nil` where it is unknown or no number.
    var boundedCPUShare: Double? {
        cpuShare.flatMap { $0.isFinite ? min(max($0, 0), 1) : nil }
    }
}

extension [UInt8] {
    /// Appends nanoseconds as whole milliseconds, rounded to the nearest and at least 1: `312ms`.
    mutating func append(millisecondsOfNanoseconds nanoseconds: Int64) {
        let (milliseconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        append(decimal: Swift.max(1, milliseconds + (rest >= 500_000 ? 1 : 0)))
        append(text: "ms")
    }
}
