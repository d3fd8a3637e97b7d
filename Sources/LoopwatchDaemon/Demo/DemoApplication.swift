// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform

/// What the demo's server does for each path: one that answers at once, and one for each way to block.
final class DemoApplication: Sendable {
    private let lengths: BlockLengths
    private let pool: WorkerPool
    private let database = SlowDatabase()
    private let inventory: LockedInventory

    /// Creates the application; its threads do not run yet.
    ///
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(lengths: BlockLengths, pool: WorkerPool) throws {
        self.lengths = lengths
        self.pool = pool
        inventory = try LockedInventory(database: database, lengthNanoseconds: lengths.lock)
    }

    /// Starts what the application runs on threads of its own.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws { try inventory.start() }

    /// Has everything that waits for the slow database go on.
    func stopWaiting() { database.stop() }

    /// Ends the application's threads; later calls do nothing.
    func stop() {
        stopWaiting()
        inventory.stop()
    }

    /// Answers one request, on the loop that got it.
    ///
    /// - Parameters:
    ///   - request: what is asked for.
    ///   - answer: takes the answer, now or later.
    @inline(never)
    func handle(_ request: DemoRequest, _ answer: @escaping @Sendable (DemoResponse) -> Void) {
        do {
            switch request.path {
            case "/hello":
                answer(DemoResponse(status: 200, text: "hello"))
            case "/report":
                pool.submit { answer(DemoResponse(status: 200, text: "reported")) }
            case "/sleep":
                SleepingHandler.sleepInHandler(nanoseconds: lengths.sleep)
                answer(DemoResponse(status: 200, text: "slept"))
            case "/stock/compare":
                inventory.compareWithDatabase { answer(DemoResponse(status: 202, text: "the stock is locked")) }
            case "/stock/reserve":
                answer(DemoResponse(status: 200, text: "\(inventory.reserveApple()) left"))
            case "/orders":
                answer(DemoResponse(status: 200, text: "\(try OrderImport.decodeOrders(request.body)) orders"))
            case "/journal":
                try AuditJournal.flushJournal(leastNanoseconds: lengths.flush)
                answer(DemoResponse(status: 200, text: "flushed"))
            case "/pool/drain":
                DrainedPool.drainPool(pool, database, until: deadline(after: lengths.pool)) {
                    answer(DemoResponse(status: 200, text: "the pool has threads again"))
                }
            case "/executor/hold":
                HeldExecutor.holdThread(database, until: deadline(after: lengths.executor)) {
                    answer(DemoResponse(status: 200, text: "the thread is free again"))
                }
            case "/executor/drain":
                DrainedExecutor.drainExecutor(database, until: deadline(after: lengths.executor)) {
                    answer(DemoResponse(status: 200, text: "the executor has threads again"))
                }
            case "/executor/deadlock":
                try DeadlockedExecutor.deadlockExecutor(database, until: deadline(after: lengths.executor)) {
                    answer(DemoResponse(status: 200, text: "the dead-lock is over"))
                }
            default:
                answer(DemoResponse(status: 404, text: "nothing here"))
            }
        } catch {
            answer(DemoResponse(status: 500, text: "\(error)"))
        }
    }

    private func deadline(after nanoseconds: Int64) -> MonotonicInstant {
        Clock.now().advanced(byNanoseconds: nanoseconds)
    }
}
