// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Counting into buckets.
@Suite("Histogram")
struct HistogramTests {
    private static let allEdges: [HistogramEdges] = [.lag, .stall]

    @Test("edges ascend, and their labels are the same numbers in seconds", arguments: allEdges)
    func labels(_ edges: HistogramEdges) {
        #expect(edges.nanoseconds == edges.nanoseconds.sorted() && Set(edges.nanoseconds).count == edges.labels.count)
        for (nanoseconds, label) in zip(edges.nanoseconds, edges.labels) {
            #expect(Double(label).map { Int64(($0 * 1e9).rounded()) } == nanoseconds)
        }
    }

    @Test("an observation at an edge belongs to it, one above belongs to the next", arguments: allEdges)
    func inclusive(_ edges: HistogramEdges) {
        for (index, edge) in edges.nanoseconds.enumerated() {
            var histogram = Histogram(edges: edges)
            histogram.observe(nanoseconds: edge)
            histogram.observe(nanoseconds: edge + 1)
            #expect(histogram.counts[index] == 1 && histogram.counts[index + 1] == 1)
            #expect(histogram.count == 2 && histogram.sumNanoseconds == 2 * edge + 1)
        }
    }

    @Test("what lies above all edges is counted in the last bucket, and below zero counts as zero")
    func ends() {
        var histogram = Histogram(edges: .stall)
        histogram.observe(nanoseconds: -5)
        histogram.observe(nanoseconds: 0)
        histogram.observe(nanoseconds: 3_600_000_000_000)
        #expect(histogram.counts.first == 2 && histogram.counts.last == 1)
        #expect(histogram.counts.count == HistogramEdges.stall.nanoseconds.count + 1)
        #expect(histogram.sumNanoseconds == 3_600_000_000_000)
    }

    @Test("a sum beyond the range stays at its end")
    func overflow() {
        var histogram = Histogram(edges: .lag)
        for _ in 0..<3 { histogram.observe(nanoseconds: .max) }
        #expect(histogram.sumNanoseconds == .max && histogram.count == 3 && histogram.counts.last == 3)
    }

    @Test("each bucket keeps its latest exemplar")
    func exemplars() {
        var histogram = Histogram(edges: .lag)
        func exemplar(_ warning: UInt64) -> Histogram.Exemplar {
            Histogram.Exemplar(warning: warning, nanoseconds: 50_000, unixNanoseconds: 1)
        }
        histogram.observe(nanoseconds: 50_000, exemplar: exemplar(1))
        histogram.observe(nanoseconds: 50_000, exemplar: exemplar(2))
        histogram.observe(nanoseconds: 50_000)
        #expect(histogram.exemplars.compactMap { $0 } == [exemplar(2)])
        #expect(histogram.exemplars.first == exemplar(2))
    }

    @Test("an exemplar can come after its observation, and belongs to its own bucket only")
    func attached() {
        var histogram = Histogram(edges: .stall)
        let exemplar = Histogram.Exemplar(warning: 7, nanoseconds: 300_000_000, unixNanoseconds: 1)
        histogram.observe(nanoseconds: 300_000_000)
        histogram.attach(exemplar)
        let index = histogram.exemplars.firstIndex { $0 != nil }
        #expect(index.map { HistogramEdges.stall.nanoseconds[$0] } == 500_000_000)
        #expect(histogram.count == 1 && histogram.exemplars.count { $0 != nil } == 1)
    }
}
