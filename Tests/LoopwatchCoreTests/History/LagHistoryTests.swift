// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("History of a target")
struct LagHistoryTests {
    /// Counters of a target with lags in an interval.
    private func counted(_ lags: [Int64], in interval: Int64, from before: StallStatistics = .init()) -> StallStatistics
    {
        var statistics = before
        for lag in lags {
            statistics.lag.observe(nanoseconds: lag)
            statistics.lagPeaks.observe(
                nanoseconds: lag,
                at: MonotonicInstant(nanoseconds: interval * Limits.historyIntervalNanoseconds + 1)
            )
        }
        return statistics
    }

    @Test("each interval has its exact maximum and its own blocked time")
    func points() {
        var history = LagHistory(firstInterval: 10)
        var statistics = counted([300_000, 62_000_000], in: 10)
        history.record(statistics, interval: 10)
        statistics = counted([90_000], in: 11, from: statistics)
        statistics.finishedStallNanoseconds = 250_000_000
        history.record(statistics, interval: 11)
        history.record(statistics, interval: 12)
        #expect(history.points(last: 10).map(\.maximumMicroseconds) == [62_000, 90, 0])
        #expect(history.points(last: 10).map(\.blockedMicroseconds) == [0, 250_000, 0])
        #expect(history.points(last: 1).count == 1)
        #expect(history.points(last: 0).isEmpty)
    }

    @Test("a block that goes on is in every interval, with its length so far and the time of the interval")
    func goingOn() {
        var history = LagHistory(firstInterval: 0)
        var statistics = StallStatistics()
        statistics.currentStallNanoseconds = 3_000_000_000
        statistics.certainStallNanoseconds = 3_000_000_000
        history.record(statistics, interval: 0)
        statistics.currentStallNanoseconds = 8_000_000_000
        statistics.certainStallNanoseconds = 8_000_000_000
        history.record(statistics, interval: 1)
        #expect(history.points(last: 2).map(\.maximumMicroseconds) == [3_000_000, 8_000_000])
        #expect(history.points(last: 2).map(\.blockedMicroseconds) == [3_000_000, 5_000_000])
    }

    @Test("where only buckets are counted, the upper edge of the highest is told")
    func accounted() {
        var history = LagHistory(firstInterval: 0)
        var statistics = StallStatistics()
        statistics.lag.observe(nanoseconds: 30_000_000)
        history.record(statistics, interval: 0)
        history.record(statistics, interval: 1)
        #expect(history.points(last: 2).map(\.maximumMicroseconds) == [50_000, 0])
    }

    @Test("a beat of the next interval that was counted already does not spoil the one that is recorded")
    func misalignment() {
        var history = LagHistory(firstInterval: 0)
        var statistics = counted([200_000], in: 0)
        statistics = counted([40_000_000], in: 1, from: statistics)
        history.record(statistics, interval: 0)
        #expect(history.points(last: 1).map(\.maximumMicroseconds) == [200])
        history.record(statistics, interval: 1)
        #expect(history.points(last: 1).map(\.maximumMicroseconds) == [40_000])
    }

    @Test("intervals that nobody recorded are missing, and no more are kept than there is room for")
    func missing() {
        var history = LagHistory(firstInterval: 0)
        history.record(StallStatistics(), interval: 0)
        history.record(StallStatistics(), interval: 3)
        history.record(StallStatistics(), interval: 2)
        #expect(history.points(last: 10).map(\.isMissing) == [false, true, true, false])
        history.record(StallStatistics(), interval: 1_000_000)
        let points = history.points(last: .max)
        #expect(points.count == Limits.historyPoints)
        #expect(points.last?.isMissing == false)
        #expect(points.dropLast().allSatisfy { $0.isMissing })
    }

    @Test("the ring keeps the latest points in their order")
    func ring() {
        var history = LagHistory(firstInterval: 0)
        var statistics = StallStatistics()
        for interval in 0..<Int64(Limits.historyPoints + 25) {
            statistics = counted([(interval + 1) * 1_000], in: interval, from: statistics)
            history.record(statistics, interval: interval)
        }
        let expected = (26...(UInt32(Limits.historyPoints) + 25)).map { $0 }
        #expect(history.points(last: .max).map(\.maximumMicroseconds) == expected)
    }

    @Test("the window forgets what is older than the history, and never more than one reading's time of what is not")
    func window() {
        var history = LagHistory(firstInterval: 0)
        var statistics = counted([40_000_000_000], in: 0)
        let each = Int64(Limits.historyPoints / Limits.historyReadings)
        for interval in 0..<Int64(Limits.historyPoints * 2) {
            statistics = counted([200_000], in: interval, from: statistics)
            history.record(statistics, interval: interval)
            let end = LagPeaks.end(ofInterval: interval)
            let (lag, nanoseconds) = history.window(statistics, at: end)
            let intervals = nanoseconds / Limits.historyIntervalNanoseconds
            #expect(intervals == min(interval + 1, intervals))
            #expect(intervals <= Int64(Limits.historyPoints))
            if interval >= Int64(Limits.historyPoints) {
                #expect(intervals >= Int64(Limits.historyPoints) - 2 * each)
                #expect(lag.count == UInt64(intervals))
                #expect((lag.quantile(1) ?? 0) <= 250_000)
            } else if interval < each {
                #expect(lag.count == UInt64(interval) + 2)
            }
        }
    }

    @Test("counters that begin anew are taken as they are")
    func anew() {
        var history = LagHistory(firstInterval: 0)
        history.record(counted([1_000, 2_000], in: 0), interval: 0)
        let (lag, _) = history.window(counted([5_000], in: 1), at: LagPeaks.end(ofInterval: 1))
        #expect(lag.count == 1)
    }
}
