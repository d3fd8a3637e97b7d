// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// What became of the attempts to take stacks of blocked threads; the counters only grow.
public struct CaptureSnapshot: Sendable, Equatable {
    /// Why a stack that was taken is not used.
    public enum DiscardReason: Int, Sendable, CaseIterable {
        /// The thread ran on while its stack was read, so the stack is of no one moment.
        case moved
        /// The stall was over before its stack was there.
        case late
        /// It was taken before the threshold, and no report came of it: the job ended in time, or was another by then.
        case unused

        /// The label value.
        public var label: String {
            switch self {
            case .moved: "moved"
            case .late: "late"
            case .unused: "unused"
            }
        }
    }

    /// Why no stack was taken.
    public enum OmissionReason: Int, Sendable, CaseIterable {
        /// The configuration says so.
        case switchedOff
        /// It is not known which thread is blocked.
        case threadUnknown
        /// The thread has ended.
        case threadGone
        /// The signal cannot be used: someone else's handler, or it is blocked.
        case signal
        /// The signal was sent and not answered in time.
        case notDelivered
        /// The thread's state or its stack could not be read.
        case unreadable
        /// Too many were wanted at once, or in one second.
        case limit

        /// The label value.
        public var label: String {
            switch self {
            case .switchedOff: "switched_off"
            case .threadUnknown: "thread_unknown"
            case .threadGone: "thread_gone"
            case .signal: "signal"
            case .notDelivered: "not_delivered"
            case .unreadable: "unreadable"
            case .limit: "limit"
            }
        }
    }

    /// Stacks taken of threads that slept in a system call, without touching them.
    public var passive: UInt64 = 0
    /// Stacks taken of running threads, by a signal.
    public var signalled: UInt64 = 0
    /// Stacks that were taken and not used, indexed by `DiscardReason.rawValue`.
    public var discarded = [UInt64](repeating: 0, count: DiscardReason.allCases.count)
    /// Attempts that yielded no stack, indexed by `OmissionReason.rawValue`.
    public var omitted = [UInt64](repeating: 0, count: OmissionReason.allCases.count)
    /// Time spent on naming frames, in nanoseconds.
    public var symbolizingNanoseconds: Int64 = 0
    /// Different stacks in the profile now.
    public var profileStacks = 0
    /// Stacks that the profile has forgotten because there were too many.
    public var profileEvicted: UInt64 = 0

    /// Creates the picture of a watch that has captured nothing.
    public init() {}
}
