// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@testable import LoopwatchPlatform

@Suite("The counts of a metered pool")
struct MeterCountsTests {
    private let only = JobLane.unspecified.rawValue

    @Test("tell what waits, runs and has ended, and for how long")
    func life() throws {
        let counts = MeterCounts(threads: 2)
        var cursor = MeterCounts.Cursor(counts)
        let (first, second) = (counts.itemEnqueued(), counts.itemEnqueued())
        #expect(counts.waiting == 2)
        var reading = counts.read(&cursor)
        #expect(reading.lanes[only].waiting == 2)
        #expect(reading.lanes[only].firstEnqueued?.nanoseconds == first)
        #expect(reading.lanes[only].lastStart == nil)
        #expect(reading.running.isEmpty)

        let run = counts.itemBegan(enqueuedAt: first, task: 12, kind: .task)
        reading = counts.read(&cursor)
        #expect(reading.lanes[only].waiting == 1)
        #expect(reading.lanes[only].firstEnqueued == nil, "none came since the reading before")
        let job = try #require(reading.running.first)
        #expect(reading.running.count == 1)
        #expect(job.thread == OwnThread.currentIdentifier)
        #expect(job.task == 12 && job.kind == .task && job.lane == .unspecified)
        #expect(job.began.nanoseconds >= first && reading.lanes[only].lastStart == job.began)
        #expect(counts.isRunning(job.identity))
        var counters = counts.counters()
        #expect(counters.lanes[only].running == 1 && counters.lanes[only].waiting == 1)
        #expect(counters.lanes[only].busyNanoseconds >= 0 && counters.lanes[only].runNanoseconds == 0)

        counts.itemEnded(run)
        #expect(!counts.isRunning(job.identity))
        counts.itemDropped(enqueuedAt: second)
        #expect(counts.waiting == 0)
        reading = counts.read(&cursor)
        #expect(reading.running.isEmpty && reading.ended.isEmpty, "it was not long, and nobody asked for long ones")
        counters = counts.counters()
        #expect(counters.lanes[only].enqueued == 2 && counters.lanes[only].started == 2)
        #expect(counters.lanes[only].runNanoseconds > 0)
        #expect(counters.waits[JobGroup.pool.rawValue].count == 1 && counters.runs[JobGroup.pool.rawValue].count == 1)
        #expect(counters.runs[JobGroup.pool.rawValue].sumNanoseconds == counters.lanes[only].runNanoseconds)
        #expect(counters.waits[JobGroup.main.rawValue].count == 0)
    }

    @Test("remember items that were long, and tell each reader of each once")
    func long() throws {
        let counts = MeterCounts(threads: 1)
        counts.remember(longNanoseconds: 0)
        var (one, other) = (MeterCounts.Cursor(counts), MeterCounts.Cursor(counts))
        for task in 1...3 as ClosedRange<UInt64> {
            let ticket = counts.itemEnqueued()
            counts.itemEnded(counts.itemBegan(enqueuedAt: ticket, task: task, kind: .task))
        }
        let ended = counts.read(&one).ended
        #expect(ended.map(\.job.task) == [1, 2, 3])
        #expect(ended.allSatisfy { $0.ended >= $0.job.began })
        #expect(counts.read(&one).ended.isEmpty)
        #expect(counts.read(&other).ended.map(\.job.task) == [1, 2, 3])
        #expect(one.lost == 0 && other.lost == 0)

        for _ in 0..<Limits.meterLongJobs + 5 {
            counts.itemEnded(counts.itemBegan(enqueuedAt: counts.itemEnqueued(), task: 9, kind: .task))
        }
        #expect(counts.read(&one).ended.count == Limits.meterLongJobs)
        #expect(one.lost == 5)
    }

    @Test("are exact when many threads count at once")
    func exact() throws {
        let counts = MeterCounts(threads: 4)
        let (threads, items) = (8, 20_000)
        let started = try (0..<threads).map { _ in
            try OwnThread(name: "meter-test") {
                for _ in 0..<items {
                    let run = counts.itemBegan(enqueuedAt: counts.itemEnqueued(), task: 0, kind: .other)
                    counts.itemEnded(run)
                }
            }
        }
        var cursor = MeterCounts.Cursor(counts)
        for _ in 0..<200 {
            let reading = counts.read(&cursor)
            #expect(reading.running.count <= threads)
            #expect(Set(reading.running.map(\.thread)).count == reading.running.count)
            // Not more closely: this thread may lose its CPU between reading the two.
            #expect(reading.lanes[only].started <= reading.lanes[only].enqueued)
        }
        for thread in started { thread.join() }
        let counters = counts.counters()
        #expect(counters.lanes[only].enqueued == UInt64(threads * items))
        #expect(counters.lanes[only].started == UInt64(threads * items))
        #expect(counters.waits[JobGroup.pool.rawValue].count == UInt64(threads * items))
        #expect(counters.runs[JobGroup.pool.rawValue].count == UInt64(threads * items))
        #expect(counters.lanes[only].running == 0 && counters.untracked == 0)
    }

    @Test("say how many items had no slot, and lose no other count by them")
    func slotsUsedUp() {
        let counts = MeterCounts(threads: 1)
        let runs = (0..<20).map { _ in counts.itemBegan(enqueuedAt: counts.itemEnqueued(), task: 0, kind: .other) }
        var counters = counts.counters()
        #expect(counters.untracked == 4, "there are sixteen slots")
        #expect(counters.lanes[only].started == 20 && counters.lanes[only].running == 16)
        for run in runs { counts.itemEnded(run) }
        counters = counts.counters()
        #expect(counters.lanes[only].running == 0 && counters.lanes[only].waiting == 0)
    }

    @Test("give up the slot of a thread that has ended within its item")
    func release() throws {
        let counts = MeterCounts(threads: 1)
        var cursor = MeterCounts.Cursor(counts)
        _ = counts.itemBegan(enqueuedAt: counts.itemEnqueued(), task: 0, kind: .other)
        let job = try #require(counts.read(&cursor).running.first)
        counts.release(job)
        #expect(!counts.isRunning(job.identity))
        #expect(counts.read(&cursor).running.isEmpty)
    }

    @Test("of an executor's jobs can be had: the runtime runs a job of ours as expected")
    func envelope() {
        #expect(JobEnvelope.isUsable)
    }
}
