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
        "PthreadMutexProgram.enterStock()", "PthreadMutexProgram.updateStock()", "PthreadMutexProgram.handleStock()",
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

    func handle() -> Outcome { handleStock() }
    func block() -> Outcome { enterStock() }
    func release() { pthread_mutex_unlock(mutex) }

    @inline(never)
    func handleStock() -> Outcome {
        var outcome = updateStock()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func updateStock() -> Outcome {
        var outcome = enterStock()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func enterStock() -> Outcome {
        var outcome = Outcome()
        let result = pthread_mutex_lock(mutex)
        pthread_mutex_unlock(mutex)
        outcome.ended(Int(result))
        return outcome
    }
}

/// Waits for Foundation's lock.
final class NSLockProgram: BlockingProgram {
    static let way = "NSLock"
    static let functions = ["NSLockProgram.lockCart()", "NSLockProgram.changeCart()", "NSLockProgram.handleCart()"]
    static let causes = ["lock"]
    static let end = BlockEnd.byRelease
    private let lock = NSLock()

    init(nanoseconds: Int64) { lock.lock() }

    func handle() -> Outcome { handleCart() }
    func block() -> Outcome { lockCart() }
    func release() { lock.unlock() }

    @inline(never)
    func handleCart() -> Outcome {
        var outcome = changeCart()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func changeCart() -> Outcome {
        var outcome = lockCart()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func lockCart() -> Outcome {
        var outcome = Outcome()
        lock.lock()
        lock.unlock()
        outcome.ended(0)
        return outcome
    }
}

/// Waits for Swift's own mutex.
final class MutexProgram: BlockingProgram {
    static let way = "Mutex"
    static let functions = ["MutexProgram.readPrices()", "MutexProgram.quotePrice()", "MutexProgram.handlePrice()"]
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

    func handle() -> Outcome { handlePrice() }
    func block() -> Outcome { readPrices() }
    func release() { isToBeReleased.signal() }

    @inline(never)
    func handlePrice() -> Outcome {
        var outcome = quotePrice()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func quotePrice() -> Outcome {
        var outcome = readPrices()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func readPrices() -> Outcome {
        var outcome = Outcome()
        let price = prices.withLock { $0 }
        outcome.ended(price, expected: 1)
        return outcome
    }
}

/// Waits for a semaphore that is to be signalled from elsewhere.
final class SemaphoreProgram: BlockingProgram {
    static let way = "DispatchSemaphore"
    static let functions = [
        "SemaphoreProgram.awaitToken()", "SemaphoreProgram.refreshToken()", "SemaphoreProgram.handleToken()",
    ]
    static let causes = ["lock"]
    static let end = BlockEnd.byRelease
    private let semaphore = DispatchSemaphore(value: 0)

    init(nanoseconds: Int64) {}

    func handle() -> Outcome { handleToken() }
    func block() -> Outcome { awaitToken() }
    func release() { semaphore.signal() }

    @inline(never)
    func handleToken() -> Outcome {
        var outcome = refreshToken()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func refreshToken() -> Outcome {
        var outcome = awaitToken()
        outcome.passedOn()
        return outcome
    }

    @inline(never)
    func awaitToken() -> Outcome {
        var outcome = Outcome()
        semaphore.wait()
        outcome.ended(0)
        return outcome
    }
}
