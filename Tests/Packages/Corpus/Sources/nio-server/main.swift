// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// An HTTP server of SwiftNIO whose handlers block their event loop in the ways that services do: `nio-server PORT`. Each
// block tells its true length: a line `BLOCK kind began ended` on standard output, in seconds of the monotonic clock.

import NIOCore
import NIOPosix

let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 0
let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
let server = try await ServerBootstrap(group: group)
    .serverChannelOption(.backlog, value: 256)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(ByteToMessageHandler(RequestDecoder()), RequestHandler())
        }
    }
    .bind(host: "127.0.0.1", port: port).get()
Truth.write("PORT \(server.localAddress?.port ?? 0)\n")
try await server.closeFuture.get()
