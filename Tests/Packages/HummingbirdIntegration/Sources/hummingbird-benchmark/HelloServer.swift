// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hummingbird
import Logging
import Loopwatch
import NIOCore
import NIOPosix

/// A server that answers "hello"; it says at which port, and at which Loopwatch answers, and ends when nobody holds its input open any more.
enum HelloServer {
    static func run(isWatched: Bool) async throws {
        startThread {
            var byte: UInt8 = 0
            while read(0, &byte, 1) > 0 {}
            exit(0)
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var endpoint: UInt16 = 0
        if isWatched {
            // Everything: the pool by accounting, the main actor, each loop, stacks, the endpoint.
            var configuration = WatchConfiguration()
            configuration.endpoint = .tcp(host: "127.0.0.1", port: 0)
            let watch = try Loopwatch.start(configuration)
            watch.add(.mainActor())
            for (index, loop) in group.makeIterator().enumerated() {
                watch.add(.loop("http-\(index)") { loop.execute($0) })
            }
            if case .tcp(_, let port) = watch.endpointAddress { endpoint = port }
        }
        var logger = Logger(label: "benchmark")
        logger.logLevel = .error
        let router = Router()
        router.get("/") { _, _ in "hello" }
        let application = Application(
            router: router,
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { [endpoint] channel in
                print(channel.localAddress?.port ?? 0, endpoint)
                // The one that started this reads it from a pipe.
                fflush(nil)
            },
            eventLoopGroupProvider: .shared(group),
            logger: logger
        )
        try await application.runService()
    }
}
