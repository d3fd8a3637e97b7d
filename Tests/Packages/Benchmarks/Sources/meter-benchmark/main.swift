// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// What a meter costs: one work item on one thread and on several at once, and one job of an executor with and without it.

import Dispatch
import Loopwatch

/// Runs the jobs that it is given on a serial queue.
final class QueueExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "benchmark")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// The median of some measurements of a body, in nanoseconds for each of its rounds.
func median(rounds: Int, _ body: () async -> Void) async -> Double {
    var results: [Double] = []
    for _ in 0..<15 {
        let start = ContinuousClock.now
        await body()
        let elapsed = (ContinuousClock.now - start).components
        results.append((Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(rounds))
    }
    return results.sorted()[results.count / 2]
}

let items = 500_000
let meter = PoolMeter("items", size: 4)
let single = await median(rounds: items) {
    for _ in 0..<items { meter.ended(meter.began(meter.enqueued())) }
}
print("a work item, one thread: \(Int(single.rounded())) ns")
let several = await median(rounds: items) {
    DispatchQueue.concurrentPerform(iterations: 2) { _ in
        for _ in 0..<items { meter.ended(meter.began(meter.enqueued())) }
    }
}
print("a work item, two threads at once, each: \(Int(several.rounded())) ns")

var configuration = WatchConfiguration()
configuration.endpoint = nil
configuration.log = []
let watch = try Loopwatch.start(configuration)
let yields = 50_000
func yieldOn(_ executor: any TaskExecutor) async {
    await Task(executorPreference: executor) { for _ in 0..<yields { await Task.yield() } }.value
}
let base = QueueExecutor()
let metered = watch.executor("tasks", wrapping: base, size: 1)
var (without, with): ([Double], [Double]) = ([], [])
for _ in 0..<9 {
    // In turn, so that what else the machine does hits both.
    without.append(await median(rounds: yields) { await yieldOn(base) })
    with.append(await median(rounds: yields) { await yieldOn(metered) })
}
let jobs = watch.snapshot().pools.first { $0.name == "tasks" }?.jobs?.counters?.lanes[0].started ?? 0
let difference = zip(with, without).map { $0 - $1 }.sorted()
print(
    "a yield on an executor: \(Int(without.sorted()[4])) ns, metered \(Int(with.sorted()[4])) ns, "
        + "median difference \(Int(difference[4])) ns; \(jobs) jobs counted in \(9 * 15 * yields) yields"
)
watch.stop()
