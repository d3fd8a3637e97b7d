// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("A histogram that others count in")
struct HistogramNotBelowTests {
    private func histogram(_ counts: [UInt64], sum: Int64 = 0) -> Histogram {
        let rest = HistogramEdges.lag.nanoseconds.count + 1 - counts.count
        return Histogram(edges: .lag, counts: counts + Array(repeating: 0, count: rest), sumNanoseconds: sum)
    }

    @Test("never falls up to any edge, and has the observations that it has")
    func neverFalls() {
        // Of ten, one was read before it was told that it belongs into the third bucket.
        let earlier = histogram([10], sum: 50)
        let later = histogram([9, 0, 1], sum: 60)
        #expect(later.notBelow(earlier) == histogram([10], sum: 60))
        // Once there are more, each is where it belongs.
        #expect(histogram([12, 0, 1], sum: 70).notBelow(later.notBelow(earlier)) == histogram([12, 0, 1], sum: 70))
    }

    @Test("is left as it is where nothing has fallen")
    func grown() {
        let later = histogram([3, 5, 0, 2], sum: 9)
        #expect(later.notBelow(histogram([3, 4, 0, 1], sum: 8)) == later)
        #expect(later.notBelow(histogram([])) == later)
        #expect(later.notBelow(histogram([3, 4, 0, 1], sum: 8)).count == 10)
    }
}
