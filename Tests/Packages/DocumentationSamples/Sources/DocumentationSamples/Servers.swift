// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import Loopwatch
import NIOCore
import NIOPosix
import ServiceLifecycle

// What is compiled here is in the article on targets: servers.

// sample: service
struct WatchService: Service {
    let watch: Loopwatch

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await watch.run() }
    }
}
// end

func runHummingbird() async throws {
    // sample: Hummingbird
    let group = MultiThreadedEventLoopGroup.singleton
    let watch = try Loopwatch.start()
    for (index, loop) in group.makeIterator().enumerated() {
        watch.add(.loop("http-\(index)") { loop.execute($0) })
    }

    let router = Router()
    router.get("metrics") { _, _ in watch.metrics() }
    var application = Application(router: router, eventLoopGroupProvider: .shared(group))
    application.addServices(WatchService(watch: watch))
    try await application.runService()
    // end
}

// sample: group
func watchLoops(of group: any EventLoopGroup, with watch: Loopwatch) {
    for (index, loop) in group.makeIterator().enumerated() {
        watch.add(.loop("loop-\(index)") { loop.execute($0) })
    }
}
// end

// sample: NIO thread pool
final class FileThreads: Sendable {
    private let pool = NIOThreadPool(numberOfThreads: 4)
    private let meter: PoolMeter

    init(watch: Loopwatch) {
        meter = watch.meter("files", size: 4)
        pool.start()
    }

    func submit(_ work: @escaping @Sendable () -> Void) {
        let ticket = meter.enqueued()
        pool.submit { state in
            if case .active = state { self.meter.run(ticket, work) } else { self.meter.dropped(ticket) }
        }
    }
}
// end

// sample: task executor
final class DatabaseExecutor: TaskExecutor {
    private let pool: NIOThreadPool

    init(threads: Int = 4) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pool.submit { _ in job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
// end

/// The comment of `Loopwatch.executor`.
func prefer(watch: Loopwatch, query: @Sendable () async throws -> Void) async throws {
    // sample: Loopwatch.executor
    let database = watch.executor("db", wrapping: DatabaseExecutor(), size: 4)
    try await withTaskExecutorPreference(database) { try await query() }
    // end
}
