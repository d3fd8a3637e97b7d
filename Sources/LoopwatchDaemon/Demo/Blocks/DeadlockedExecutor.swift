// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Swift's global executor in a dead-lock: tasks on every thread wait for what only a further task would fetch, and that
/// one gets no thread.
enum DeadlockedExecutor {
    /// Starts the tasks, and a thread outside of the executor that gives up at the deadline, as nobody does in real servers.
    ///
    /// - Parameter done: called in the last task.
    /// - Throws: ``SystemError`` when the system allows no more threads; then no task is started.
    static func deadlockExecutor(
        _ database: SlowDatabase,
        until deadline: MonotonicInstant,
        done: @escaping @Sendable () -> Void
    ) throws {
        let count = Processors.online
        let rates = ExchangeRates()
        let rescue = try OwnThread(name: "demo-rescue") {
            database.waitForAnswer(until: deadline)
            rates.publish(1, to: count)
        }
        rescue.detach()
        let left = Countdown(count, done)
        for number in 1...count {
            Task.detached(name: "invoice-\(number)") {
                _ = writeInvoice(number, rates)
                left.countDown()
            }
        }
        Task.detached(name: "fetch-rates") { rates.publish(2, to: count) }
    }

    @inline(never)
    private static func writeInvoice(_ number: Int, _ rates: ExchangeRates) -> Int {
        number * rates.waitForRate()
    }
}

/// A number that everybody waits for who asks before it is there.
private final class ExchangeRates: Sendable {
    private let rate = Mutex(0)
    private let published = DispatchSemaphore(value: 0)

    /// Blocks the calling thread until there is a rate, which is what no task should do.
    @inline(never)
    func waitForRate() -> Int {
        published.wait()
        return rate.withLock { $0 }
    }

    /// Sets the rate, and lets so many go on that wait for it.
    func publish(_ value: Int, to count: Int) {
        rate.withLock { $0 = value }
        for _ in 0..<count { published.signal() }
    }
}
