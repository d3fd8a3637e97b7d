// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Synchronization

/// Some threads that take closures from one queue.
final class WorkerPool: Sendable {
    static let size = 2
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let isThereWork = DispatchSemaphore(value: 0)

    init() {
        for _ in 0..<Self.size {
            ownThread { [self] in
                while true {
                    isThereWork.wait()
                    jobs.withLock { $0.removeFirst() }()
                }
            }
        }
    }

    /// Closures that no thread has taken yet.
    var waiting: Int { jobs.withLock { $0.count } }

    /// Runs a closure on any of the threads.
    func submit(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        isThereWork.signal()
    }
}

/// Runs something on a thread of its own.
func ownThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var handle = pthread_t()
    let code = pthread_create(
        &handle,
        nil,
        { argument in
            Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        },
        Unmanaged.passRetained(Box(body)).toOpaque()
    )
    precondition(code == 0, "pthread_create failed with \(code)")
    pthread_detach(handle)
}
