// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// How one target is watched.
public struct DetectionPolicy: Sendable, Equatable {
    /// Time between looks at a target that is busy, in nanoseconds.
    public var resolutionNanoseconds: Int64
    /// From which length on a stall is reported.
    public let thresholds: Thresholds
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
        thresholdNanoseconds = thresholds.warning.wholeNanoseconds
        self.resolutionNanoseconds = resolutionNanoseconds
        self.thresholds = thresholds
        self.reportsBeforeFirstAnswer = reportsBeforeFirstAnswer
    }

    /// The warning threshold in nanoseconds.
    public let thresholdNanoseconds: Int64

    /// Time between looks at a target that may be blocked.
    ///
    /// It is the resolution, but never more than half a threshold, so that one look finds a block and another its
    /// beginning before it is reported.
    public var lookNanoseconds: Int64 { min(resolutionNanoseconds, thresholdNanoseconds / 2) }

    /// The same for a target that is busy and answers, with the factor of ``LookPace``.
    ///
    /// No more than two fifths of a threshold: a block that began right after a look, and held up the beat that was posted at
    /// the next one, is then found at the one after that with a fifth of the threshold left for its capture.
    public func lookNanoseconds(stretchedBy stretch: Double) -> Int64 {
        guard stretch > 1 else { return lookNanoseconds }
        return max(lookNanoseconds, min(Int64(Double(lookNanoseconds) * stretch), thresholdNanoseconds * 2 / 5))
    }

    /// Time between looks at a loop of another process in its wait, where looks alone tell when it leaves it, with the factor of
    /// ``LookPace``.
    ///
    /// One and a half as long as between looks at one that is away, as such looks are what the watch costs; at most two fifths
    /// of a threshold, so that one look finds a block and another proves it before it is to be reported.
    public func waitingLookNanoseconds(stretchedBy stretch: Double) -> Int64 {
        let pause = lookNanoseconds * 3 / 2
        return max(pause, min(Int64(Double(pause) * stretch), thresholdNanoseconds * 2 / 5))
    }

    /// How long before the threshold the report of a block is prepared, in nanoseconds.
    ///
    /// Long enough for some ticks of the kernel's clock, with which a thread that computes is captured, and for reading the
    /// names of code that was never seen before; so short that few jobs that end in time are captured.
    public var preparationNanoseconds: Int64 { min(Self.preparationNanosecondsMost, thresholdNanoseconds / 2) }

    private static let preparationNanosecondsMost: Int64 = 25_000_000

    /// Time between looks at a target that was just proved to wait, as at the look before.
    ///
    /// Nothing can have crossed the threshold sooner than one threshold after the proof, and when a block began that is
    /// found then follows from its thread's clock. Of a pool only a beat tells, for which it has to have the time.
    public var idleNanoseconds: Int64 {
        let answerNanoseconds = isPool ? StallDetector.secondLookNanosecondsMost : 0
        return max(lookNanoseconds, thresholdNanoseconds - answerNanoseconds)
    }

    /// Time between beats to a target that only beats can tell of, while the process is quiet.
    ///
    /// A quarter of the threshold is left for finding out that a beat is not answered.
    public var quietNanoseconds: Int64 { max(lookNanoseconds, thresholdNanoseconds * 3 / 4) }

    /// How much sooner it may be, so that many such targets are asked together, in nanoseconds.
    var quietSlackNanoseconds: Int64 { quietNanoseconds / 4 }
}
