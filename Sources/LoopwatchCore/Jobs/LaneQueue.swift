// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds out, for one lane, since when the job waits that has waited longest.
///
/// Each priority's queue hands out its jobs in the order in which they came. So the oldest of those that wait is the one
/// after the last that started; and it came within the interval between two readings in which the count of jobs that came
/// passed that number. The first of an interval is noted to the nanosecond, so a job that finds an empty queue, and waits,
/// is known exactly; another to within the interval.
struct LaneQueue: Sendable {
    private struct Interval: Sendable {
        /// Jobs that had come before it, and by its end.
        var before: UInt64
        var after: UInt64
        var first: MonotonicInstant?
        var from: MonotonicInstant
        var to: MonotonicInstant
    }

    private var intervals: [Interval] = []
    private var enqueued: UInt64
    private var lastReading: MonotonicInstant

    init(_ lane: JobReading.Lane, at instant: MonotonicInstant) {
        // What waits already came at some time before.
        enqueued = min(lane.enqueued, lane.started)
        lastReading = instant
        note(lane, at: instant)
    }

    /// Takes a reading.
    mutating func note(_ lane: JobReading.Lane, at instant: MonotonicInstant) {
        if lane.enqueued > enqueued {
            intervals.append(
                Interval(
                    before: enqueued,
                    after: lane.enqueued,
                    first: lane.firstEnqueued.map { min(max($0, lastReading), instant) },
                    from: lastReading,
                    to: instant
                )
            )
            enqueued = lane.enqueued
        }
        intervals.removeAll { $0.after <= lane.started }
        if intervals.count > Limits.laneIntervals { merge() }
        lastReading = instant
    }

    /// Since when the oldest waits; `nil` if none does.
    func oldest(_ lane: JobReading.Lane) -> MonotonicInstant? {
        guard lane.enqueued > lane.started, let interval = intervals.first(where: { $0.after > lane.started }) else {
            return nil
        }
        if lane.started <= interval.before, let first = interval.first { return first }
        return interval.from.advanced(byNanoseconds: interval.to.nanoseconds(since: interval.from) / 2)
    }

    /// Makes one of every two intervals.
    private mutating func merge() {
        intervals = stride(from: 0, to: intervals.count, by: 2).map { index in
            var interval = intervals[index]
            if index + 1 < intervals.count {
                interval.after = intervals[index + 1].after
                interval.to = intervals[index + 1].to
            }
            return interval
        }
    }
}
