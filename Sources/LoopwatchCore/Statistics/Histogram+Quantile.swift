// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

extension Histogram {
    /// An estimate of a quantile, in nanoseconds, by the way Prometheus takes: even within the bucket that it lies in.
    ///
    /// - Parameters:
    ///   - share: which part of the observations is not above it, 0 to 1.
    ///   - maximumNanoseconds: what no observation was above, where that is known.
    /// - Returns: `nil` without observations.
    public func quantile(_ share: Double, maximumNanoseconds: Int64 = .max) -> Int64? {
        guard count > 0 else { return nil }
        let rank = share * Double(count)
        var below: UInt64 = 0
        for (index, count) in counts.enumerated() where count > 0 {
            defer { below += count }
            guard Double(below + count) >= rank else { continue }
            let lower = index == 0 ? 0 : edges.nanoseconds[index - 1]
            // What lies above the highest edge has no upper one.
            let upper = index < edges.nanoseconds.count ? edges.nanoseconds[index] : max(lower, maximumNanoseconds)
            guard upper < .max / 2 else { return lower }
            let part = max(0, rank - Double(below)) / Double(count)
            return min(lower + Int64(Double(upper - lower) * part), maximumNanoseconds)
        }
        return min(edges.nanoseconds.last ?? 0, maximumNanoseconds)
    }
}
