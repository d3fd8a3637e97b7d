// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What all looks of one pass of the watchdog share.
struct LookContext {
    /// When the pass began.
    var now: MonotonicInstant
    /// CPU time of the process without Loopwatch's own threads, in nanoseconds.
    var othersCPUNanoseconds: Int64?
    /// The layout of Dispatch queues, once it is known.
    var dispatchLayout: DispatchQueueLayout?
}
