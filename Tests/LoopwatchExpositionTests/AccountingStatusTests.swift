// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import LoopwatchExposition
import Testing

@Suite("How a pool is accounted, as page and as text")
struct AccountingStatusTests {
    private func snapshot(_ status: PoolAccountingStatus, _ change: (inout JobPoolSnapshot) -> Void = { _ in })
        -> WatchSnapshot
    {
        var lanes = JobLane.allCases.map { _ in JobCountersReading.Lane() }
        lanes[JobLane.medium.rawValue] = JobCountersReading.Lane(enqueued: 30, started: 15, running: 2)
        lanes[JobLane.main.rawValue] = JobCountersReading.Lane(enqueued: 9, started: 1, running: 1)
        let histograms = JobGroup.allCases.map { _ in Histogram(edges: .lag) }
        let counters = JobCountersReading(lanes: lanes, waits: histograms, runs: histograms, kinds: [17, 0, 0, 0])
        var jobs = JobPoolSnapshot(accounting: status, counters: counters, held: 1, depthMaximum: 40)
        change(&jobs)
        var snapshot = Snapshots.empty()
        snapshot.pools = [
            PoolSnapshot(name: "swift <b>", statistics: StallStatistics(), depth: nil, size: 2, jobs: jobs)
        ]
        return snapshot
    }

    private func expect(_ text: String, of snapshot: WatchSnapshot) {
        let written = StatusWriterTests.text(snapshot)
        #expect(written.contains("\npool \"swift <b>\" is \(text)\n"), "\(written)")
        let page = StatusWriterTests.page(snapshot)
        #expect(
            page.contains("<p>pool <bdi>swift &lt;b&gt;</bdi> is \(text.replacing("'", with: "&#39;"))</p>\n"),
            "\(page)"
        )
    }

    @Test("exactly: with what it does now, the main actor's jobs left out")
    func exact() {
        let numbers = "; 2 threads busy, 1 of them held beyond the threshold; 15 jobs waiting, 40 at most"
        expect("accounted exactly" + numbers, of: snapshot(PoolAccountingStatus(mode: .exact)))
    }

    @Test("only runs: what waits is not known")
    func runs() {
        expect(
            "accounted by runs: the configuration asks for no more; 2 threads busy, 1 of them held beyond the threshold",
            of: snapshot(PoolAccountingStatus(mode: .runs, reason: "the configuration asks for no more"))
        )
    }

    @Test("only enqueues, or nothing: no numbers that are not known")
    func less() {
        let enqueues = PoolAccountingStatus(mode: .enqueues, reason: "the metadata of jobs has another layout")
        expect("accounted by enqueues: the metadata of jobs has another layout", of: snapshot(enqueues))
        let off = PoolAccountingStatus(mode: .off, reason: "it is switched off")
        expect("accounted by beats: it is switched off", of: snapshot(off) { $0.counters = nil })
    }

    @Test("not settled yet")
    func unsettled() {
        let waits = PoolAccountingStatus(mode: .off, reason: "its probe still waits", isSettled: false)
        expect("accounted by beats as yet: its probe still waits", of: snapshot(waits) { $0.counters = nil })
    }

    @Test("jobs are those that have begun, or that ended, or that were handed over, whichever is known")
    func jobs() {
        var lanes = JobLane.allCases.map { _ in JobCountersReading.Lane() }
        lanes[JobLane.high.rawValue] = JobCountersReading.Lane(enqueued: 30, started: 20, ended: 25)
        let histograms = JobGroup.allCases.map { _ in Histogram(edges: .lag) }
        let counters = JobCountersReading(lanes: lanes, waits: histograms, runs: histograms, kinds: [0, 0, 0, 0])
        func jobs(_ mode: PoolAccounting) -> UInt64? {
            JobPoolSnapshot(accounting: PoolAccountingStatus(mode: mode), counters: counters).jobs(.high)
        }
        #expect(jobs(.exact) == 20 && jobs(.runs) == 25 && jobs(.enqueues) == 30)
        #expect(JobPoolSnapshot(accounting: PoolAccountingStatus(mode: .off)).jobs(.high) == nil)
    }

    @Test("a pool that is not Swift's says nothing of it")
    func others() {
        var other = snapshot(PoolAccountingStatus(mode: .exact))
        other.pools[0].jobs = nil
        #expect(!StatusWriterTests.text(other).contains("accounted"))
        #expect(!StatusWriterTests.document(other).contains("accounted"))
    }
}
