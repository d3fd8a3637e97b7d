// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

/// Bucket edges of a histogram: upper bounds in nanoseconds, and the literal `le` text of each.
///
/// The texts are written out, never computed, because Prometheus 2 stores `le="1"` and `le="1.0"` as different series.
/// Edges never change after a release.
public struct HistogramEdges: Sendable, Equatable {
    /// Inclusive upper bounds, in nanoseconds, ascending.
    public let nanoseconds: [Int64]
    /// The `le` label value of each edge, in seconds.
    public let labels: [String]

    private init(_ edges: [(Int64, String)]) {
        nanoseconds = edges.map(\.0)
        labels = edges.map(\.1)
    }

    /// Lag and queue wait: 100 us to 60 s.
    public static let lag = HistogramEdges([
        (100_000, "0.0001"), (250_000, "0.00025"), (500_000, "0.0005"), (1_000_000, "0.001"), (2_500_000, "0.0025"),
        (5_000_000, "0.005"), (10_000_000, "0.01"), (25_000_000, "0.025"), (50_000_000, "0.05"), (100_000_000, "0.1"),
        (250_000_000, "0.25"), (500_000_000, "0.5"), (1_000_000_000, "1.0"), (2_500_000_000, "2.5"),
        (5_000_000_000, "5.0"), (10_000_000_000, "10.0"), (30_000_000_000, "30.0"), (60_000_000_000, "60.0"),
    ])

    /// Duration of stalls: 5 ms (the lowest threshold) to 60 s.
    public static let stall = HistogramEdges([
        (5_000_000, "0.005"), (10_000_000, "0.01"), (25_000_000, "0.025"), (50_000_000, "0.05"), (100_000_000, "0.1"),
        (250_000_000, "0.25"), (500_000_000, "0.5"), (1_000_000_000, "1.0"), (2_500_000_000, "2.5"),
        (5_000_000_000, "5.0"), (10_000_000_000, "10.0"), (30_000_000_000, "30.0"), (60_000_000_000, "60.0"),
    ])

    /// Time for which a thread is held: 1 us to 100 ms.
    public static let hold = HistogramEdges([
        (1_000, "1e-06"), (2_500, "2.5e-06"), (5_000, "5e-06"), (10_000, "1e-05"), (25_000, "2.5e-05"),
        (50_000, "5e-05"), (100_000, "0.0001"), (250_000, "0.00025"), (500_000, "0.0005"), (1_000_000, "0.001"),
        (2_500_000, "0.0025"), (5_000_000, "0.005"), (10_000_000, "0.01"), (100_000_000, "0.1"),
    ])
}
