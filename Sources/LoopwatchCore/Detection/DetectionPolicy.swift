// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How one target is watched.
public struct DetectionPolicy: Sendable, Equatable {
    /// Time between looks at a target that is busy, in nanoseconds.
    public var resolutionNanoseconds: Int64
    /// From which length on a stall is reported.
    public var thresholds: Thresholds
    /// Whether a beat that was never answered counts as a stall.
    ///
    /// False for a target that may not be served at all, such as the main actor of a program whose main thread
    /// never returns to its run loop.
    public var reportsBeforeFirstAnswer: Bool

    /// Whether the target is a pool of threads.
    public var isPool: Bool

    /// Creates a policy.
    public init(
        resolutionNanoseconds: Int64,
        thresholds: Thresholds,
        reportsBeforeFirstAnswer: Bool = true,
        isPool: Bool = false
    ) {
        self.isPool = isPool
        self.resolutionNanoseconds = resolutionNanoseconds
        self.thresholds = thresholds
        self.reportsBeforeFirstAnswer = reportsBeforeFirstAnswer
    }

    /// The warning threshold in nanoseconds.
    public var thresholdNanoseconds: Int64 { thresholds.warning.wholeNanoseconds }

    /// Time between looks at a target that may be blocked: the resolution, but never more than half a threshold, so that
    /// one look finds a block and another its beginning before it is reported.
    public var lookNanoseconds: Int64 { min(resolutionNanoseconds, thresholdNanoseconds / 2) }

    /// Time between looks at a target that was just proved to wait: nothing can cross the threshold sooner than one
    /// threshold from then, and a quarter of it is left for looking closer.
    public var idleNanoseconds: Int64 { max(lookNanoseconds, thresholdNanoseconds * 3 / 4) }
}
