// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// A capture by signal that is under way: a timer waits for the thread's next tick.
///
/// It must be polled until something comes of it, or be cancelled, by the ``ThreadCapture`` that began it.
package struct SignalledCapture: Sendable {
    /// What came of beginning one.
    package enum Start<Value> {
        /// It is over already: the thread sleeps, or cannot be captured.
        case done(Result<Value, CaptureOmission>)
        /// The thread runs.
        case underWay(SignalledCapture)
    }

    let thread: ThreadView
    let signal: CInt
    let slot: UInt32
    let timer: CInt
    /// Until when it waits.
    let deadline: MonotonicInstant
    /// When the thread was last seen not to sleep.
    var seenAwake: MonotonicInstant
}
