// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// What is read of one warning in a log, in whichever form it was written.
struct WarningRecord: Equatable {
    /// What tells the runs of a program apart; `nil` in lines of text, which do not say.
    var run: String?
    /// Number of the process; `nil` in lines of text about the process that Loopwatch runs in.
    var process: Int32?
    /// Number of the stall within its run.
    var stall: UInt64
    /// Where the stall stands.
    var state: StallReport.State
    /// What happened.
    var kind: StallReport.Kind
    /// What it happened to.
    var subject: StallReport.Subject
    /// Name of the target.
    var target: String
    /// Name of the process, where the warning has it and it is told of targets in other processes.
    var processName: String?
    /// The blocked thread, where it is known.
    var thread: Int32?
    /// Unix time of the warning, in nanoseconds.
    var unixNanoseconds: Int64
    /// Unix time at which the stall began, in nanoseconds; of a line of text it is what its times come to.
    var beganUnixNanoseconds: Int64
    /// Length so far, in nanoseconds.
    var nanoseconds: Int64
    /// Why, as the warning says it.
    var cause: String
    /// Stalls like this that were not written before it.
    var suppressed: UInt64
    /// Where: function, file and line; `nil` where the warning does not say.
    var place: String?
    /// The frames, as many as the warning has; `nil` without any.
    var stack: Stack?

    /// Name of the target among those of several processes.
    var qualifiedTarget: String { processName.map { "\($0)/\(target)" } ?? target }
}
