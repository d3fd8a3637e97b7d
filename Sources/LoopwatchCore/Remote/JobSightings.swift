// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// At which jobs a loop was seen within one iteration, and so whether one of them blocks it or there are only many.
///
/// A value: what was seen goes in with its time. A job that is seen for the first time began after the sighting before; one
/// that is still seen a threshold later has lasted that long for certain. What is seen early in the iteration is taken to have
/// begun with it.
public struct JobSightings: Sendable {
    /// When the iteration began.
    public let began: MonotonicInstant
    /// Whether it was seen at several jobs, none of which is known to have lasted for the threshold.
    public var isOfMany: Bool { isOfSeveral && !isOfOne }
    /// Whether a job was found to have lasted for the threshold; what comes after it does not change that.
    public private(set) var isOfOne = false
    /// Whether it was seen at any.
    public var hasSeen: Bool { latest != nil }

    private var isOfSeveral = false
    private var latest: (job: UInt64, since: MonotonicInstant)?

    /// Creates the sightings of an iteration, none yet.
    public init(began: MonotonicInstant) { self.began = began }

    /// Takes in at which job the loop is.
    ///
    /// - Parameters:
    ///   - job: a number that is another for another job.
    ///   - instant: when that was seen.
    ///   - thresholdNanoseconds: from which length on a job blocks the loop.
    public mutating func see(_ job: UInt64, at instant: MonotonicInstant, thresholdNanoseconds: Int64) {
        guard let latest, latest.job == job else {
            isOfSeveral = latest != nil
            let isEarly = latest == nil && instant.nanoseconds(since: began) <= thresholdNanoseconds / 2
            latest = (job, isEarly ? began : instant)
            return
        }
        if instant.nanoseconds(since: latest.since) >= thresholdNanoseconds { isOfOne = true }
    }
}
