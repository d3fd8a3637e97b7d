// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Decides whether a watchdog of which all targets wait has itself woken once the process computes.
///
/// Such targets are looked at once a threshold. A target that begins to compute right after a look is found then, when its block
/// is due: too late to have its report prepared, and to tell one job from several. The alarm wakes the watchdog for it sooner, and
/// costs an idle process nothing. A value: pauses go in, decisions come out.
public struct ActivityAlarmPolicy: Sendable {
    /// CPU time of the process after which the watchdog is to be woken, in nanoseconds.
    public let cpuNanoseconds: Int64
    private let pauseNanosecondsLeast: Int64
    private var pausesToSkip = 0
    private var pausesToSkipNext = 0
    /// For how many pauses it has been kept; `nil` if it is not set.
    private var pausesKept: Int?

    /// Most pauses in a row without an alarm: where threads that serve no target compute, it goes off in vain.
    private static let pausesSkippedMost = 64

    /// Most pauses for which it is kept: the watchdog's own CPU time counts as well.
    private static let pausesKeptMost = 20

    /// Creates a policy for the targets that have none of their own.
    public init(_ policy: DetectionPolicy) {
        cpuNanoseconds = policy.thresholdNanoseconds / 4
        // Between looks at a target that works there is a resolution.
        pauseNanosecondsLeast = max(cpuNanoseconds, policy.lookNanoseconds * 5 / 4)
    }

    /// What is to be done about the alarm before a pause.
    public enum Decision: Sendable, Equatable {
        /// It is set anew.
        case set
        /// It stays as it was set before.
        case keep
        /// None is wanted.
        case unset
    }

    /// The watchdog is about to pause.
    ///
    /// - Parameters:
    ///   - nanoseconds: for how long at most; `nil` for ever, as there is nothing to look at.
    ///   - hasGoneOff: whether the alarm has ended the pause before.
    ///   - isResting: whether it is known that nothing but the watchdog has run since the pause before.
    public mutating func decide(forPause nanoseconds: Int64?, hasGoneOff: Bool, isResting: Bool) -> Decision {
        let isIdle = nanoseconds.map { $0 >= pauseNanosecondsLeast } ?? false
        if hasGoneOff {
            pausesToSkip = isIdle ? pausesToSkipNext : 0
            pausesToSkipNext = isIdle ? min(Self.pausesSkippedMost, max(1, pausesToSkipNext * 2)) : 0
        } else if pausesKept != nil {
            // Others computed for a while, such as the threads that find names for a report.
            pausesToSkipNext /= 2
        }
        guard isIdle, pausesToSkip == 0 else {
            if isIdle { pausesToSkip -= 1 }
            pausesKept = nil
            return .unset
        }
        if isResting, !hasGoneOff, let kept = pausesKept, kept < Self.pausesKeptMost {
            pausesKept = kept + 1
            return .keep
        }
        pausesKept = 0
        return .set
    }
}
