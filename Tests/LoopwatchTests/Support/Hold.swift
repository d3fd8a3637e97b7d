// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform
import Synchronization

/// A job that blocks whoever runs it until it is released, and measures for how long it did.
final class Hold: Sendable {
    /// How to block.
    enum Way: Sendable, CaseIterable {
        /// Sleeps, again and again.
        case sleeping
        /// Computes.
        case computing
        /// Waits for a lock that the test holds.
        case locked
    }

    private let way: Way
    private let isReleased = Atomic(false)
    private let beganNanoseconds = Atomic<Int64>(0)
    private let endedNanoseconds = Atomic<Int64>(0)
    // nonisolated(unsafe): a pthread mutex is made for use by several threads.
    nonisolated(unsafe) private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    /// Creates a job; release it on the same thread.
    init(_ way: Way) {
        self.way = way
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        if way == .locked { pthread_mutex_lock(mutex) }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Whether it blocks somebody now, or did.
    var hasBegun: Bool { beganNanoseconds.load(ordering: .acquiring) != 0 }
    /// Whether it blocks nobody any more.
    var hasEnded: Bool { endedNanoseconds.load(ordering: .acquiring) != 0 }
    /// For how long it blocked.
    var nanoseconds: Int64 {
        endedNanoseconds.load(ordering: .acquiring) - beganNanoseconds.load(ordering: .acquiring)
    }

    /// Lets it end; later calls do nothing.
    func release() {
        guard !isReleased.exchange(true, ordering: .releasing), way == .locked else { return }
        pthread_mutex_unlock(mutex)
    }

    /// The job.
    func run() {
        beganNanoseconds.store(Clock.now().nanoseconds, ordering: .releasing)
        switch way {
        case .sleeping: while !isReleased.load(ordering: .acquiring) { usleep(5_000) }
        case .computing: while !isReleased.load(ordering: .acquiring) {}
        case .locked:
            pthread_mutex_lock(mutex)
            pthread_mutex_unlock(mutex)
        }
        endedNanoseconds.store(Clock.now().nanoseconds, ordering: .releasing)
    }

    /// What the cause of the block may be called, on a target whose thread is known.
    var causes: Set<String> {
        switch way {
        case .sleeping: ["syscall:clock_nanosleep"]
        // On a machine that is loaded with other work, a thread that computes mostly waits to do so.
        case .computing: ["cpu", "runqueue"]
        case .locked: ["lock"]
        }
    }
}
