// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Foundation
internal import Glibc
internal import Synchronization

/// Waits for a mutex of the C library.
final class PthreadMutexProgram: BlockingProgram {
    static let way = "pthread mutex"
    static let functions = [
        "PthreadMutexProgram.enterStock(_:)", "PthreadMutexProgram.updateStock(_:)",
        "PthreadMutexProgram.handleStock(_:)",
    ]
    static let causes = ["lock"]
    static let end = BlockEnd.byRelease
    /// Made by init and destroyed by deinit; every use between is the C library's own business.
    nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init(nanoseconds: Int64) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        pthread_mutex_lock(mutex)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func handle() -> Outcome { Outcome.of { handleStock(&$0) } }
    func block() -> Outcome { Outcome.of { enterStock(&$0) } }
    func release() { pthread_mutex_unlock(mutex) }

    @inline(never)
    func handleStock(_ outcome: inout Outcome) {
        updateStock(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func updateStock(_ outcome: inout Outcome) {
        enterStock(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func enterStock(_ outcome: inout Outcome) {
        outcome.begin()
        let result = pthread_mutex_lock(mutex)
        pthread_mutex_unlock(mutex)
        outcome.ended(Int(result))
    }
}

/// Waits for Foundation's lock.
final class NSLockProgram: BlockingProgram {
    static let way = "NSLock"
    static let functions = [
        "NSLockProgram.lockCart(_:)", "NSLockProgram.changeCart(_:)", "NSLockProgram.handleCart(_:)",
    ]
    static let causes = ["lock"]
    static let end = BlockEnd.byRelease
    private let lock = NSLock()

    init(nanoseconds: Int64) { lock.lock() }

    func handle() -> Outcome { Outcome.of { handleCart(&$0) } }
    func block() -> Outcome { Outcome.of { lockCart(&$0) } }
    func release() { lock.unlock() }

    @inline(never)
    func handleCart(_ outcome: inout Outcome) {
        changeCart(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func changeCart(_ outcome: inout Outcome) {
        lockCart(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func lockCart(_ outcome: inout Outcome) {
        outcome.begin()
        lock.lock()
        lock.unlock()
        outcome.ended(0)
    }
}

/// Waits for Swift's own mutex.
final class MutexProgram: BlockingProgram {
    static let way = "Mutex"
    static let functions = [
        "MutexProgram.readPrices(_:)", "MutexProgram.quotePrice(_:)", "MutexProgram.handlePrice(_:)",
    ]
    static let causes = ["lock"]
    static let end = BlockEnd.byRelease
    private let prices = Mutex(1)
    private let isHeld = DispatchSemaphore(value: 0)
    private let isToBeReleased = DispatchSemaphore(value: 0)

    init(nanoseconds: Int64) {
        // A thread that holds it, because it can only be held for as long as a closure runs.
        Thread.detachNewThread { [self] in
            prices.withLock { _ in
                isHeld.signal()
                isToBeReleased.wait()
            }
        }
        isHeld.wait()
    }

    func handle() -> Outcome { Outcome.of { handlePrice(&$0) } }
    func block() -> Outcome { Outcome.of { readPrices(&$0) } }
    func release() { isToBeReleased.signal() }

    @inline(never)
    func handlePrice(_ outcome: inout Outcome) {
        quotePrice(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func quotePrice(_ outcome: inout Outcome) {
        readPrices(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func readPrices(_ outcome: inout Outcome) {
        outcome.begin()
        let price = prices.withLock { $0 }
        outcome.ended(price, expected: 1)
    }
}

/// Waits for a semaphore that is to be signalled from elsewhere.
final class SemaphoreProgram: BlockingProgram {
    static let way = "DispatchSemaphore"
    static let functions = [
        "SemaphoreProgram.awaitToken(_:)", "SemaphoreProgram.refreshToken(_:)", "SemaphoreProgram.handleToken(_:)",
    ]
    static let causes = ["lock"]
    static let end = BlockEnd.byRelease
    private let semaphore = DispatchSemaphore(value: 0)

    init(nanoseconds: Int64) {}

    func handle() -> Outcome { Outcome.of { handleToken(&$0) } }
    func block() -> Outcome { Outcome.of { awaitToken(&$0) } }
    func release() { semaphore.signal() }

    @inline(never)
    func handleToken(_ outcome: inout Outcome) {
        refreshToken(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func refreshToken(_ outcome: inout Outcome) {
        awaitToken(&outcome)
        outcome.passedOn()
    }

    @inline(never)
    func awaitToken(_ outcome: inout Outcome) {
        outcome.begin()
        semaphore.wait()
        outcome.ended(0)
    }
}
