// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("Quantiles of a histogram")
struct HistogramQuantileTests {
    private func histogram(_ values: [Int64]) -> Histogram {
        var histogram = Histogram(edges: .lag)
        for value in values { histogram.observe(nanoseconds: value) }
        return histogram
    }

    @Test("without observations there is none")
    func empty() {
        #expect(histogram([]).quantile(0.5) == nil)
    }

    @Test("it lies in the bucket of the observation with its rank")
    func bucket() {
        let values = (1...100).map { Int64($0) * 1_000_000 }
        for (share, range) in [
            (0.01, 0...1_000_000), (0.5, 25_000_000...50_000_000), (0.99, 50_000_000...100_000_000),
            (1, 50_000_000...100_000_000),
        ] as [(Double, ClosedRange<Int64>)] {
            let quantile = histogram(values).quantile(share)
            #expect(range.contains(quantile ?? -1), "\(share): \(quantile ?? -1)")
        }
        // Evenly within its bucket: 50 of 100 are not above 50 ms, 25 of them in the bucket that ends there.
        #expect(histogram(values).quantile(0.5) == 50_000_000)
    }

    @Test("it is never above the maximum")
    func bounded() {
        #expect(histogram([30_000_000]).quantile(0.99, maximumNanoseconds: 31_000_000) == 31_000_000)
        #expect(histogram([30_000_000]).quantile(0.99, maximumNanoseconds: .max) ?? 0 > 31_000_000)
    }

    @Test("above the highest edge there is only the maximum")
    func overflow() {
        #expect(histogram([90_000_000_000]).quantile(0.5) == 60_000_000_000)
        #expect(histogram([90_000_000_000]).quantile(1, maximumNanoseconds: 90_000_000_000) == 90_000_000_000)
    }
}
