// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoopwatchCore

/// Counting stalls, and adding up what parts of a target came to.
@Suite("Stall statistics")
struct StallStatisticsTests {
    private func draft(_ milliseconds: Double, _ cause: Cause, _ severity: Severity = .warning) -> ReportDraft {
        ReportDraft(
            state: .ended,
            kind: .stall,
            episode: 1,
            began: at(0),
            until: at(milliseconds),
            durationNanoseconds: .milliseconds(milliseconds),
            interruptedNanoseconds: 0,
            severity: severity,
            cause: cause,
            cpuShare: nil,
            thread: nil,
            depth: nil
        )
    }

    private func statistics(_ drafts: [ReportDraft]) -> StallStatistics {
        var statistics = StallStatistics()
        for draft in drafts { statistics.count(draft) }
        return statistics
    }

    @Test("a stall is counted by severity, by cause and in its bucket; a cause without a label of its own as unknown")
    func counted() {
        let statistics = statistics([
            draft(150, .lock), draft(1_500, .syscall("read"), .error), draft(300, .congestion),
        ])
        #expect(statistics.stallsBySeverity == [2, 1, 0])
        #expect(statistics.stallsByCause == [0, 1, 1, 0, 0, 0, 1])
        #expect(statistics.stallNanosecondsByCause[1] == .milliseconds(1_500))
        #expect(statistics.finishedStallNanoseconds == .milliseconds(1_950))
        #expect(statistics.longestFinishedNanoseconds == .milliseconds(1_500))
        #expect(statistics.stallDuration.count == 3)
        #expect(statistics.stallDuration.sumNanoseconds == .milliseconds(1_950))
    }

    @Test("parts add up to what one would have counted; of what goes on, the longest counts, and all of its time")
    func added() {
        let one = [draft(150, .lock), draft(1_500, .cpu, .error)]
        let other = [draft(7_000, .starvation, .critical)]
        var sum = statistics(one)
        sum.add(statistics(other))
        #expect(sum == statistics(one + other))

        var left = StallStatistics()
        var right = StallStatistics()
        (left.currentStallNanoseconds, left.certainStallNanoseconds) = (300, 250)
        (left.latestStallBeganUnixNanoseconds, left.congestions, left.congestedNanoseconds) = (9, 1, 70)
        (right.latestStallBeganUnixNanoseconds, right.congestions, right.congestedNanoseconds) = (12, 2, 5)
        left.add(right)
        #expect(left.currentStallNanoseconds == 300 && left.certainStallNanoseconds == 250)
        #expect(left.latestStallBeganUnixNanoseconds == 12 && left.congestions == 3 && left.congestedNanoseconds == 75)
        (right.currentStallNanoseconds, right.certainStallNanoseconds) = (500, 450)
        left.add(right)
        #expect(left.currentStallNanoseconds == 500 && left.blockedNanoseconds == 700)
        right.add(StallStatistics())
        #expect(right.currentStallNanoseconds == 500 && right.certainStallNanoseconds == 450)
    }

    @Test("histograms add up bucket by bucket, and keep what can be looked up")
    func histograms() {
        let exemplar = Histogram.Exemplar(warning: 3, nanoseconds: 200_000_000, unixNanoseconds: 5)
        var left = Histogram(edges: .stall)
        var right = Histogram(edges: .stall)
        var both = Histogram(edges: .stall)
        for nanoseconds in [1, 100_000_000, 99_000_000_000] as [Int64] {
            left.observe(nanoseconds: nanoseconds)
            right.observe(nanoseconds: nanoseconds * 2, exemplar: nanoseconds == 100_000_000 ? exemplar : nil)
            both.observe(nanoseconds: nanoseconds)
            both.observe(nanoseconds: nanoseconds * 2, exemplar: nanoseconds == 100_000_000 ? exemplar : nil)
        }
        left.add(right)
        #expect(left == both)
        var huge = Histogram(edges: .stall)
        huge.observe(nanoseconds: .max)
        left.add(huge)
        #expect(left.sumNanoseconds == .max && left.count == 7)
    }

    @Test("a histogram that was counted elsewhere is the same as one that was observed")
    func countedElsewhere() {
        var observed = Histogram(edges: .lag)
        for nanoseconds in [0, 60_000, 100_000_000_000] as [Int64] { observed.observe(nanoseconds: nanoseconds) }
        let counted = Histogram(edges: .lag, counts: observed.counts, sumNanoseconds: observed.sumNanoseconds)
        #expect(counted == observed && counted.count == 3)
    }
}
