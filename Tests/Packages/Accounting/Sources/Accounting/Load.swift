// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Synchronization

private actor Tally {
    private(set) var value = 0

    func add() { value += 1 }
}

@concurrent private func concurrently(_ ran: Counted) async { ran.add() }

/// All constructs at once, by tasks of all priorities and by threads that are none of the pool's.
final class Load: Sendable {
    /// Bodies that were made: tasks, children, continuations, calls of actors, elements of streams.
    let made = Counted()
    /// Bodies that ran.
    let ran = Counted()
    /// Sleeps: each may have the pool run a job that nobody enqueued, when its timer fires.
    let sleeps = Counted()
    private let first = Tally()
    private let second = Tally()
    private let calls = Counted()
    private let queue = DispatchQueue(label: "load", attributes: .concurrent)
    private static let priorities: [TaskPriority] = [.high, .medium, .low, .background, .userInitiated]

    /// One round, of some hundred thousand jobs when `steps` is 800.
    func round(steps: Int) {
        let threads = 3
        let done = Gate()
        for thread in 0..<threads {
            HarnessThread.start { [self] in
                let awaited = Gate()
                for number in 0..<steps {
                    made.add()
                    Task.detached(priority: Self.priorities[(thread + number) % 5]) { [self] in
                        await Task.yield()
                        ran.add()
                        awaited.open()
                    }
                }
                for _ in 0..<steps { awaited.pass() }
                done.open()
            }
        }
        HarnessThread.pool { [self] in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<64 {
                    made.add()
                    group.addTask(priority: Self.priorities[number % 5]) { [self] in
                        for step in 0..<steps { await self.step(number &+ step, step) }
                        ran.add()
                    }
                }
            }
        }
        for _ in 0..<threads { done.pass() }
    }

    /// Bodies of actors that ran.
    func callsThatRan() -> Int { HarnessThread.pool { [self] in await first.value + second.value } }

    /// Calls of actors that were made.
    var callsThatWereMade: Int { calls.value }

    private func step(_ kind: Int, _ step: Int) async {
        switch kind % 16 {
        case 0:
            calls.add()
            await first.add()
        case 1:
            calls.add()
            await second.add()
        case 2:
            made.add()
            async let child: Void = concurrently(ran)
            await child
        case 3:
            made.add(4)
            await withTaskGroup(of: Void.self) { [ran] group in
                for _ in 0..<4 { group.addTask { ran.add() } }
            }
        case 4:
            made.add()
            await withUnsafeContinuation { continuation in queue.async { continuation.resume() } }
            ran.add()
        case 5:
            made.add()
            let task = Task { [ran] in
                await Task.yield()
                ran.add()
            }
            task.cancel()
            await task.value
        case 6 where step % 20 == 0:
            made.add()
            sleeps.add()
            try? await Task.sleep(nanoseconds: 50_000)
            ran.add()
        case 7 where step % 20 == 0:
            made.add()
            sleeps.add()
            let task = Task { [ran] in
                try? await Task.sleep(for: .milliseconds(5))
                ran.add()
            }
            task.cancel()
            await task.value
        case 8:
            made.add()
            await Task.immediate { [ran] in
                await Task.yield()
                ran.add()
            }.value
        case 9 where step % 50 == 0:
            made.add()
            await MainActor.run { [ran] in ran.add() }
        case 10 where step % 10 == 0:
            made.add(3)
            let (stream, continuation) = AsyncStream<Int>.makeStream()
            let task = Task { [ran] in for await _ in stream { ran.add() } }
            for value in 0..<3 { continuation.yield(value) }
            continuation.finish()
            await task.value
        case 11 where step % 100 == 0:
            made.add()
            await withCheckedContinuation { continuation in HarnessThread.start { continuation.resume() } }
            ran.add()
        case 12 where step % 10 == 0:
            made.add()
            await Task(executorPreference: globalConcurrentExecutor) { [ran] in ran.add() }.value
        case 13 where step % 10 == 0:
            made.add()
            await Task(name: "of the load") { [ran] in ran.add() }.value
        default: await Task.yield()
        }
    }
}
