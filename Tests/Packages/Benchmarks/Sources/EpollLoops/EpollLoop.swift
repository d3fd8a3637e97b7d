// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CEpollLoop
internal import Glibc
internal import Synchronization

/// A minimal event loop: one thread, an epoll descriptor, a queue of closures; the smallest thing that waits as real
/// servers do.
public final class EpollLoop: Sendable {
    private let jobs = Mutex<[@Sendable () -> Void]>([])
    private let epollDescriptor: CInt
    private let eventDescriptor: CInt
    private let thread = Atomic<Int32>(0)

    /// Makes a loop and starts its thread.
    public init() {
        var event: CInt = -1
        epollDescriptor = epoll_loop_create(&event)
        eventDescriptor = event
        var handle = pthread_t()
        pthread_create(
            &handle,
            nil,
            { argument in
                Unmanaged<EpollLoop>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            },
            Unmanaged.passRetained(self).toOpaque()
        )
    }

    /// Runs a closure on the loop.
    public func execute(_ job: @escaping @Sendable () -> Void) {
        jobs.withLock { $0.append(job) }
        epoll_loop_wake(eventDescriptor)
    }

    /// CPU time of the loop's thread, in nanoseconds.
    public func cpuNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime((~thread.load(ordering: .acquiring) << 3) | 6, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private func run() {
        thread.store(epoll_loop_thread(), ordering: .releasing)
        while true {
            epoll_loop_wait(epollDescriptor, eventDescriptor)
            while true {
                let batch = jobs.withLock { jobs in
                    defer { jobs = [] }
                    return jobs
                }
                if batch.isEmpty { break }
                for job in batch { job() }
            }
        }
    }
}
