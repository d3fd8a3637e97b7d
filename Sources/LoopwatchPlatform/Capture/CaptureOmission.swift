// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore

/// Why there is no stack.
package enum CaptureOmission: Error, Equatable {
    /// Captures are switched off.
    case switchedOff
    /// It is not known which thread it is, or it is the one that asks.
    case threadUnknown
    /// The thread has ended.
    case threadGone
    /// The thread went on while it was read, and what was read was discarded.
    case moved
    /// The thread computes, and must not be signalled.
    case signallingSwitchedOff
    /// The signal has a handler of someone else; the file name of its module, where it is known.
    case handlerTaken(by: String?)
    /// The thread blocks the signal.
    case signalBlocked
    /// The signal was not delivered in time.
    case notDelivered
    /// The stack, or what the kernel says of the thread, cannot be read.
    case notReadable
    /// Too many watches in the process capture by signal.
    case tooManyWatches
    /// More blocks than are captured in a second.
    case tooManyBlocks
    /// A system call that the capture needs was refused.
    case refused(SystemError)

    /// Words for `stack omitted: ...`, saying what to do where something can be done.
    package var text: String {
        switch self {
        case .switchedOff: "captures are switched off"
        case .threadUnknown: "the thread is not known yet"
        case .threadGone: "the thread has ended"
        case .moved: "the thread went on meanwhile"
        case .signallingSwitchedOff:
            "the thread computes, and signalling is switched off: allow it to see the stacks of computing threads"
        case .handlerTaken(let module):
            "the signal for captures has a handler of \(module ?? "someone else"): choose another signal, or do without it"
        case .signalBlocked: "the thread blocks the signal for captures: choose another signal, or unblock it"
        case .notDelivered: "the thread got no CPU, or slept and ran in turns, for as long as the capture waited"
        case .notReadable:
            "the kernel does not let the process read its own threads: allow /proc and process_vm_readv in the container"
        case .tooManyWatches: "too many watches in one process capture by signal: share one"
        case .tooManyBlocks: "more than \(Limits.reportCapturesPerSecond) reports in a second"
        case .refused(let error): "the system refused it: \(error)"
        }
    }
}
