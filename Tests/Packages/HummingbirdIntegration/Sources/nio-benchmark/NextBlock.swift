// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// How the loop is to be blocked next, and how it was.
final class NextBlock: Sendable {
    /// What a block does.
    enum Way: String, Sendable, CaseIterable {
        case asleep
        case computing
    }

    /// A block as the code that blocked saw it.
    struct Truth: Sendable {
        var beganNanoseconds: Int64
        var nanoseconds: Int64
    }

    private struct Storage {
        var way = Way.asleep
        var nanoseconds: Int64 = 0
        var truth: Truth?
    }

    private let storage = Mutex(Storage())

    /// Sets what the next block is to be.
    func set(_ way: Way, nanoseconds: Int64) {
        storage.withLock { $0 = Storage(way: way, nanoseconds: nanoseconds) }
    }

    /// The block, once it is over.
    var truth: Truth? { storage.withLock { $0.truth } }

    /// Blocks the calling thread.
    func run() {
        let (way, nanoseconds) = storage.withLock { ($0.way, $0.nanoseconds) }
        let began = monotonicNanoseconds()
        switch way {
        case .asleep: usleep(UInt32(nanoseconds / 1_000))
        case .computing: while monotonicNanoseconds() < began + nanoseconds {}
        }
        let ended = monotonicNanoseconds()
        storage.withLock { $0.truth = Truth(beganNanoseconds: began, nanoseconds: ended - began) }
    }
}

/// The clock by which blocks are measured.
func monotonicNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
