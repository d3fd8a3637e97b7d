// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("Metrics of an accounted pool")
struct AccountedPoolMetricsTests {
    private func samples(_ snapshot: WatchSnapshot) throws -> [ParsedSample] {
        var bytes: [UInt8] = []
        PrometheusTextWriter.write(snapshot, into: &bytes)
        return try PrometheusTextValidator.parse(bytes).flatMap(\.samples)
    }

    /// The values of a family, with the value of the label that tells its rows apart.
    private func rows(_ name: String, by label: String? = nil, of samples: [ParsedSample]) -> [String] {
        samples.filter { $0.name == name }.map { sample in
            (label.flatMap { sample.labels[$0] }.map { $0 + "=" } ?? "") + sample.valueText
        }
    }

    @Test("what accounting counted is exposed")
    func rows() throws {
        let samples = try samples(Snapshots.rich())
        func rows(_ name: String, by label: String? = nil) -> [String] { self.rows(name, by: label, of: samples) }
        #expect(
            rows("loopwatch_pool_accounting", by: "accounting") == ["exact=1", "runs=0", "enqueues=0", "beats=0"]
        )
        #expect(rows("loopwatch_pool_unstamped_jobs_total") == ["4"])
        #expect(rows("loopwatch_pool_untracked_jobs_total") == ["2"])
        #expect(rows("loopwatch_pool_lost_holds_total") == ["3"])
        // Those of the main actor are not the pool's.
        #expect(rows("loopwatch_pool_threads_busy") == ["3"])
        #expect(rows("loopwatch_pool_threads_held") == ["1"])
        #expect(rows("loopwatch_pool_busy_seconds_total") == ["30.250007"])
        let jobs = ["unspecified=0", "background=0", "utility=0", "medium=1000", "high=5", "user_interactive=0"]
        #expect(rows("loopwatch_pool_jobs_total", by: "priority") == jobs)
        let waiting = ["unspecified=0", "background=0", "utility=0", "medium=3", "high=0", "user_interactive=0"]
        #expect(rows("loopwatch_pool_jobs_waiting", by: "priority") == waiting)
        let kinds = ["task=900", "actor=80", "continuation=20", "other=5"]
        #expect(rows("loopwatch_pool_job_kinds_total", by: "kind") == kinds)
        #expect(rows("loopwatch_pool_queue_depth_max") == ["41"])
        #expect(rows("loopwatch_pool_queued_seconds_total") == ["2.500001"])
        #expect(rows("loopwatch_pool_run_seconds_count") == ["3"])
        #expect(rows("loopwatch_pool_run_seconds_sum") == ["0.25204"])
        #expect(rows("loopwatch_pool_holds_total", by: "severity") == ["warning=1", "error=1", "critical=1"])
        #expect(rows("loopwatch_pool_hold_causes_total", by: "cause").prefix(3) == ["cpu=1", "syscall=2", "lock=0"])
        #expect(rows("loopwatch_pool_hold_duration_seconds_count") == ["3"])
        // 62.782 s of those that have ended, and the one that goes on.
        #expect(rows("loopwatch_pool_held_seconds_total") == ["64.032"])
        #expect(rows("loopwatch_pool_hold_age_seconds") == ["1.25"])
    }

    @Test("a pool that is not accounted has none of it, and one of which only beats tell says so and counts no jobs")
    func fallbacks() throws {
        var snapshot = Snapshots.rich()
        snapshot.pools[0].jobs = nil
        let without = try samples(snapshot)
        let counted = ["loopwatch_pool_jobs_total", "loopwatch_pool_threads_busy", "loopwatch_pool_run_seconds_count"]
        for name in counted + ["loopwatch_pool_accounting", "loopwatch_pool_holds_total"] {
            #expect(!without.contains { $0.name == name }, "\(name)")
        }
        for mode in PoolAccounting.allCases {
            snapshot.pools[0].jobs = JobPoolSnapshot(
                accounting: PoolAccountingStatus(mode: mode, reason: "a probe has not run"),
                holds: Snapshots.fresh()
            )
            let samples = try samples(snapshot)
            let active = samples.filter { $0.name == "loopwatch_pool_accounting" && $0.valueText == "1" }
            #expect(active.map { $0.labels["accounting"] } == [mode.label])
            for name in counted { #expect(!samples.contains { $0.name == name }, "\(name)") }
            #expect(rows("loopwatch_pool_holds_total", of: samples) == ["0", "0", "0"])
            #expect(rows("loopwatch_pool_hold_age_seconds", of: samples) == ["0.0"])
        }
    }

    @Test("kinds that were not counted are zero")
    func shortArrays() throws {
        var snapshot = Snapshots.rich()
        snapshot.pools[0].jobs?.counters?.kinds = [7]
        let kinds = rows("loopwatch_pool_job_kinds_total", by: "kind", of: try samples(snapshot))
        #expect(kinds == ["task=7", "actor=0", "continuation=0", "other=0"])
    }
}
