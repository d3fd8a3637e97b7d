// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch

/// A task executor with a queue of its own, or one that hands everything on to the global executor.
private final class Preferred: TaskExecutor {
    static let key = DispatchSpecificKey<String>()
    private let queue = DispatchQueue(label: "task executor", attributes: .concurrent)
    private let handsOn: Bool
    private let jobs = Shared(0)

    init(handsOn: Bool = false) {
        self.handsOn = handsOn
        queue.setSpecific(key: Self.key, value: "own")
    }

    var count: Int { jobs.withLock { $0 } }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.withLock { $0 += 1 }
        guard !handsOn else { return globalConcurrentExecutor.enqueue(job) }
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

private func place() -> String { DispatchQueue.getSpecific(key: Preferred.key) ?? "pool" }

private actor Plain {
    func place() -> String { DispatchQueue.getSpecific(key: Preferred.key) ?? "pool" }
}

@concurrent private func concurrently() async -> String { place() }

/// What runs where, as tasks prefer executors.
func observeExecutors(_ observations: Observations) {
    let own = Preferred()
    let actor = Plain()
    let text = HarnessThread.pool { () -> String in
        await withTaskExecutorPreference(own) {
            var parts = [place()]
            await Task.yield()
            parts.append("yielded " + place())
            parts.append("concurrent " + (await concurrently()))
            async let child = place()
            parts.append("child " + (await child))
            parts.append("actor " + (await actor.place()))
            parts.append("Task " + (await Task { place() }.value))
            parts.append("detached " + (await Task.detached { place() }.value))
            try? await Task.sleep(for: .milliseconds(1))
            parts.append("slept " + place())
            parts.append("main " + (await MainActor.run { place() }))
            parts.append(
                "global " + (await withTaskExecutorPreference(globalConcurrentExecutor) { await concurrently() })
            )
            parts.append("nil " + (await withTaskExecutorPreference(nil) { await concurrently() }))
            return parts.joined(separator: ", ")
        }
    }
    observations.same("places under a preferred executor", text)

    let counted = Preferred()
    HarnessThread.pool {
        await withTaskExecutorPreference(counted) { for _ in 0..<100 { await Task.yield() } }
    }
    // One to begin with, and two for each yield, or one where the task has not left its thread yet when it may go on.
    observations.within("jobs of a preferred executor that yields 100 times", Double(counted.count), 101...201)

    let onward = Preferred(handsOn: true)
    let sum = HarnessThread.pool { () -> Int in
        await withTaskExecutorPreference(onward) {
            await withTaskGroup(of: Int.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        await Task.yield()
                        return number
                    }
                }
                return await group.reduce(0, +)
            }
        }
    }
    observations.same("an executor that hands on to the global one", sum)
    observations.same("whether its jobs are at least those of its tasks", onward.count >= 100)

    let preferred = HarnessThread.pool { () -> String in
        let first = await Task(executorPreference: own) { place() }.value
        let second = await Task(executorPreference: globalConcurrentExecutor) { place() }.value
        let third = await Task.detached(executorPreference: own) { place() }.value
        let fourth = await withTaskGroup(of: String.self) { group in
            group.addTask(executorPreference: own) { place() }
            return await group.next()!
        }
        return "\(first) \(second) \(third) \(fourth)"
    }
    observations.same("tasks that prefer an executor", preferred)

    let yields = HarnessThread.pool { () -> Int in
        await withTaskExecutorPreference(globalConcurrentExecutor) {
            var count = 0
            for _ in 0..<1000 {
                await Task.yield()
                count += 1
            }
            return count
        }
    }
    observations.same("yields under the global executor by name", yields)
}
