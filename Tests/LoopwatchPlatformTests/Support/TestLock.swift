// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A lock that sleeps in the kernel, may be held across calls, and is known to ThreadSanitizer, as `Mutex` is not.
final class TestLock: Sendable {
    // nonisolated(unsafe): a pthread mutex is made for use from several threads.
    nonisolated(unsafe) private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    /// Creates an open lock.
    init() { pthread_mutex_init(mutex, nil) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Takes the lock.
    func lock() { pthread_mutex_lock(mutex) }

    /// Gives it back.
    func unlock() { pthread_mutex_unlock(mutex) }
}
