// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchPlatform
import Synchronization

/// A thread of the storm, with a stack of a size of its own, that lets the signal for captures through.
final class StormThread: Sendable {
    /// What the new thread is told.
    private final class Start: Sendable {
        let identifier = Atomic<ThreadIdentifier>(0)
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// The kernel's number of the thread.
    let identifier: ThreadIdentifier
    private let handle: pthread_t

    /// Starts a thread; memory for the stack is taken as it is used.
    init(stackBytes: Int, _ body: @escaping @Sendable () -> Void) throws {
        let start = Start(body)
        let reference = Unmanaged.passRetained(start)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            &attributes,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                unblock()
                start.identifier.store(OwnThread.currentIdentifier, ordering: .releasing)
                start.body()
                return nil
            },
            reference.toOpaque()
        )
        guard code == 0 else {
            reference.release()
            throw SystemError(operation: "pthread_create", code: code)
        }
        handle = thread
        while start.identifier.load(ordering: .acquiring) == 0 { sched_yield() }
        identifier = start.identifier.load(ordering: .acquiring)
    }

    /// Waits until the thread has ended.
    func join() { pthread_join(handle, nil) }
}
