// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
package import LoopwatchCore

/// Reads the counters that a scrape wants.
package enum JobCounters {
    /// Threads that had a slot at once at most.
    ///
    /// Safe from any thread.
    package static var threadsSeen: Int {
        var totals = lw_job_totals()
        lw_jobs_read(&totals, 0)
        return Int(totals.slots)
    }

    /// The counters now.
    ///
    /// Safe from any thread; waits for nobody.
    package static func read() -> JobCountersReading {
        var totals = lw_job_totals()
        var distributions = lw_job_distributions()
        lw_jobs_read_distributions(&distributions)
        lw_jobs_read(&totals, 0)
        let now = lw_jobs_tick()
        let scale = lw_jobs_tick_nanoseconds()
        func nanoseconds(_ ticks: UInt64) -> Int64 { Int64(min(9e18, Double(ticks) * scale)) }
        let lanes = withUnsafeBytes(of: totals.lanes) { bytes in
            bytes.bindMemory(to: lw_job_lane_totals.self).map { lane in
                let waiting = lane.enqueued > lane.started ? lane.enqueued - lane.started : 0
                // The sum over those that wait of how long they have: their number times now, less the times at which they
                // came. All modulo 2^64.
                let queued = waiting == 0 ? 0 : waiting &* now &- (lane.enqueued_at_sum &- lane.started_enqueued_at_sum)
                let running = lane.running &* now &- lane.running_since_sum
                return JobCountersReading.Lane(
                    enqueued: lane.enqueued,
                    started: lane.started,
                    waitNanoseconds: nanoseconds(lane.wait),
                    queuedNanoseconds: nanoseconds(lane.wait &+ (Int64(bitPattern: queued) > 0 ? queued : 0)),
                    ended: lane.ended,
                    runNanoseconds: nanoseconds(lane.run),
                    busyNanoseconds: nanoseconds(lane.run &+ (Int64(bitPattern: running) > 0 ? running : 0)),
                    running: Int(lane.running),
                    depthMaximum: Int(clamping: lane.depth_max)
                )
            }
        }
        func histograms(_ groups: UnsafeRawBufferPointer, _ sum: (JobCountersReading.Lane) -> Int64) -> [Histogram] {
            let counts = Array(groups.bindMemory(to: UInt64.self))
            let edges = HistogramEdges.lag
            return JobGroup.allCases.map { group in
                let first = group.rawValue * (edges.nanoseconds.count + 1)
                return Histogram(
                    edges: edges,
                    // Read a moment before the total that it is the rest of.
                    counts: counts[first...].prefix(edges.nanoseconds.count + 1).map {
                        Int64(bitPattern: $0) < 0 ? 0 : $0
                    },
                    sumNanoseconds: group.lanes.reduce(0) { $0 + sum(lanes[$1.rawValue]) }
                )
            }
        }
        return JobCountersReading(
            lanes: lanes,
            waits: withUnsafeBytes(of: distributions.wait) { histograms($0, \.waitNanoseconds) },
            runs: withUnsafeBytes(of: distributions.run) { histograms($0, \.runNanoseconds) },
            kinds: withUnsafeBytes(of: distributions.kinds) { Array($0.bindMemory(to: UInt64.self)) },
            unstamped: totals.unstamped,
            untracked: totals.untracked
        )
    }
}
