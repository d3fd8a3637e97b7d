// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Finds out, for one lane, since when the job waits that has waited longest.
///
/// Each priority's queue hands out its jobs in the order in which they came. So the oldest of those that wait is the one
/// after the last that started; and it came within the interval between two readings in which the count of jobs that came
/// passed that number. The first of an interval is noted to the nanosecond, so a job that finds an empty queue, and waits,
/// is known exactly; another to within the interval, for which those that came in it are taken to have come evenly.
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
        while intervals.count > Limits.laneIntervals { merge() }
        lastReading = instant
    }

    /// Since when the oldest waits; `nil` if none does.
    func oldest(_ lane: JobReading.Lane) -> MonotonicInstant? {
        guard lane.enqueued > lane.started, let interval = intervals.first(where: { $0.after > lane.started }) else {
            return nil
        }
        // None of them came before the first.
        let from = interval.first ?? interval.from
        let length = interval.to.nanoseconds(since: from)
        guard interval.first == nil else {
            let position = lane.started > interval.before ? lane.started - interval.before : 0
            let part = Double(position) / Double(interval.after - interval.before)
            return from.advanced(byNanoseconds: Int64(Double(length) * part))
        }
        return from.advanced(byNanoseconds: length / 2)
    }

    /// Makes one of the two neighbours that are the shortest together, so that each is a fraction of all.
    private mutating func merge() {
        func length(_ index: Int) -> Int64 { intervals[index + 1].to.nanoseconds(since: intervals[index].from) }
        guard let index = (0..<intervals.count - 1).min(by: { length($0) < length($1) }) else { return }
        let next = intervals.remove(at: index + 1)
        intervals[index].after = next.after
        intervals[index].to = next.to
    }
}
