// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Hummingbird
import Logging
public import Loopwatch
import NIOCore
import NIOPosix
import ServiceLifecycle

/// A Hummingbird server that embeds Loopwatch as any server would: each event loop a target, both in one service group.
public struct IntegrationServer: Sendable {
    /// The port on 127.0.0.1 at which the server answers.
    public let port: Int
    /// The watch that is embedded.
    public let watch: Loopwatch
    /// Tells what is blocked, from within.
    public let monitor: BlockMonitor
    /// Names of the targets that are event loops.
    public let loops: [String]

    /// Runs a server for as long as the body runs, then shuts its service group down gracefully.
    ///
    /// - Parameters:
    ///   - configuration: how Loopwatch watches.
    ///   - monitor: what the blocking handlers tell of their blocks.
    ///   - body: what is done with the running server.
    /// - Throws: what the body or the server throws.
    public static func withRunning<Result: Sendable>(
        configuration: WatchConfiguration,
        monitor: BlockMonitor,
        _ body: (IntegrationServer) async throws -> Result
    ) async throws -> Result {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let names = LoopNames(group)
        let watch = try Loopwatch.start(configuration)
        for eventLoop in group.makeIterator() {
            watch.add(.loop(names.name(of: eventLoop)) { eventLoop.execute($0) })
        }

        var logger = Logger(label: "integration")
        logger.logLevel = .warning
        let (ports, foundPort) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: makeRouter(monitor: monitor, names: names, watch: watch),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [BlockingChannelHandler(monitor: monitor, names: names)]
                )
            ),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in foundPort.yield(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group),
            logger: logger
        )
        let services = ServiceGroup(
            configuration: .init(
                // The last is shut down first: Loopwatch watches until the server has gone.
                services: [.init(service: LoopwatchService(watch: watch)), .init(service: application)],
                logger: logger
            )
        )

        let result = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { foundPort.finish() }
                try await services.run()
            }
            var outcome: Swift.Result<Result, any Error>
            if let port = await ports.first(where: { _ in true }) {
                do {
                    outcome = .success(
                        try await body(
                            IntegrationServer(
                                port: port,
                                watch: watch,
                                monitor: monitor,
                                loops: group.makeIterator().map { names.name(of: $0) }
                            )
                        )
                    )
                } catch {
                    outcome = .failure(error)
                }
            } else {
                outcome = .failure(DidNotStart())
            }
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try outcome.get()
        }
        try await group.shutdownGracefully()
        return result
    }

    /// The service group ended before the server was listening.
    struct DidNotStart: Error {}
}
