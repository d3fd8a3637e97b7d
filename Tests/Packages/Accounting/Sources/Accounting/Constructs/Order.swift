// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// In which order jobs run that one thread makes, and jobs that give way to each other.
func observeOrder(_ observations: Observations) {
    for priority: TaskPriority in [.medium, .high, .low, .background] {
        // One thread of the priority is left; with one processor the first job holds the only one until all are made.
        let trace = Trace()
        let holders = Gate()
        let release = Gate()
        let done = Gate()
        for _ in 0..<Pool.width {
            Task.detached(priority: priority) {
                holders.open()
                release.pass()
            }
        }
        for _ in 0..<Pool.width { holders.pass() }
        for number in 0..<64 {
            Task.detached(priority: priority) {
                trace.note("\(number)")
                done.open()
            }
        }
        release.open()
        for _ in 0..<64 { done.pass() }
        release.open(Pool.width - 1)
        observations.same("order of 64 tasks of \(priority) from one thread", trace.text)
    }

    let yields = Trace()
    Pool.withOneThread {
        let start = Gate()
        let done = Gate()
        Task.detached(priority: .medium) { start.pass() }
        for name in ["a", "b", "c"] {
            Task.detached(priority: .medium) {
                for step in 0..<5 {
                    yields.note("\(name)\(step)")
                    await Task.yield()
                }
                done.open()
            }
        }
        start.open()
        for _ in 0..<3 { done.pass() }
    }
    observations.same("three tasks that yield to each other", yields.text)

    let nested = Trace()
    Pool.inOrder {
        nested.note("begin")
        let first = Task {
            nested.note("first")
            await Task { nested.note("within") }.value
            nested.note("first ends")
        }
        let second = Task.detached(priority: .medium) { nested.note("second") }
        nested.note("made")
        await second.value
        nested.note("second awaited")
        await first.value
    }
    observations.same("tasks that make tasks", nested.text)

    let main = Trace()
    let done = Gate()
    for number in 0..<32 {
        Task { @MainActor in
            main.note("\(number)")
            done.open()
        }
    }
    for _ in 0..<32 { done.pass() }
    observations.same("order of 32 tasks of the main actor", main.text)

    // What Dispatch runs between shares threads with the pool, and is none of it.
    let mixed = Trace()
    let queue = DispatchQueue(label: "mixed")
    HarnessThread.pool {
        for number in 0..<8 {
            await withCheckedContinuation { continuation in
                queue.async {
                    mixed.note("q\(number)")
                    continuation.resume()
                }
            }
            mixed.note("t\(number)")
        }
    }
    observations.same("tasks and a queue by turns", mixed.text)
}
