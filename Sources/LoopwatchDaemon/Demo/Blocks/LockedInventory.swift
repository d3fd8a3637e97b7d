// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import LoopwatchCore
internal import LoopwatchPlatform
internal import Synchronization

/// Stock behind a lock, which a thread of its own holds for as long as it compares the stock with a slow database.
final class LockedInventory: Sendable {
    private let stock = Mutex(["apples": 1_000_000])
    private let database: SlowDatabase
    private let lengthNanoseconds: Int64
    private let wanted = Mutex<[@Sendable () -> Void]>([])
    private let wake: WakeSignal
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnThread?>(nil)

    /// Creates an inventory; its thread does not run yet.
    ///
    /// - Parameters:
    ///   - database: what the stock is compared with.
    ///   - lengthNanoseconds: how long that takes.
    /// - Throws: ``SystemError`` when the process has no descriptor left.
    init(database: SlowDatabase, lengthNanoseconds: Int64) throws {
        self.database = database
        self.lengthNanoseconds = lengthNanoseconds
        wake = try WakeSignal()
    }

    /// Starts the thread that compares.
    ///
    /// - Throws: ``SystemError`` when the system allows no more threads.
    func start() throws {
        let started = try OwnThread(name: "stock-sync") { self.runComparisons() }
        thread.withLock { $0 = started }
    }

    /// Ends the thread and waits for it; later calls do nothing.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.wake()
        thread.withLock { $0.take() }?.join()
    }

    /// Has the thread compare the stock.
    ///
    /// - Parameter whenLocked: called on that thread once it holds the lock.
    func compareWithDatabase(whenLocked: @escaping @Sendable () -> Void) {
        wanted.withLock { $0.append(whenLocked) }
        wake.wake()
    }

    /// Takes one from the stock: waits for the lock, whoever holds it.
    @inline(never)
    func reserveApple() -> Int {
        stock.withLock { stock in
            stock["apples", default: 0] -= 1
            return stock["apples", default: 0]
        }
    }

    private func runComparisons() {
        while !isStopping.load(ordering: .acquiring) {
            let next = wanted.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            if let next { holdLockAndCompare(next) } else { _ = wake.wait(until: nil) }
        }
    }

    @inline(never)
    private func holdLockAndCompare(_ whenLocked: () -> Void) {
        stock.withLock { _ in
            whenLocked()
            database.waitForAnswer(until: Clock.now().advanced(byNanoseconds: lengthNanoseconds))
        }
    }
}
