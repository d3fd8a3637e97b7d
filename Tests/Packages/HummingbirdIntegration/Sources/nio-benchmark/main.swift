// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// How exactly blocks of NIO's event loops are told: sleeping and computing, in channelRead and in a closure that was given
// to execute(). `nio-benchmark [BLOCKS]`: blocks of each kind and length, 20 by default.

import Glibc
import Loopwatch
import NIOCore
import NIOPosix

let blocksOfEach = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 20
let thresholdNanoseconds: Int64 = 50_000_000
let lengths: [Int64] = [52_000_000, 55_000_000, 80_000_000, 150_000_000, 400_000_000]

let reports = Reports()
var configuration = WatchConfiguration()
configuration.thresholds = Thresholds(warning: .nanoseconds(thresholdNanoseconds))
configuration.endpoint = nil
configuration.log = [reports.destination]
configuration.reportBurst = 100_000
let watch = try Loopwatch.start(configuration)

let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
for (index, loop) in group.makeIterator().enumerated() {
    watch.add(.loop("nio-\(index)") { loop.execute($0) })
}
let next = NextBlock()
let server = try await ServerBootstrap(group: group)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(BlockingHandler(next)) }
    }
    .bind(host: "127.0.0.1", port: 0).get()
let connection = try Connection(port: server.localAddress?.port ?? 0)
// What is read when a program starts is read, and the loops have gone to sleep.
usleep(2_500_000)
_ = reports.take()

print(Row.heading)
for place in ["channelRead", "execute"] {
    for way in NextBlock.Way.allCases {
        for length in lengths {
            var row = Row(name: "\(place), \(way.rawValue), \(length / 1_000_000) ms")
            for _ in 0..<blocksOfEach {
                usleep(UInt32.random(in: 60_000..<180_000))
                _ = reports.take()
                next.set(way, nanoseconds: length)
                if place == "channelRead" {
                    try connection.roundTrip()
                } else {
                    group.any().execute { next.run() }
                }
                let deadline = monotonicNanoseconds() + 5_000_000_000
                while next.truth == nil, monotonicNanoseconds() < deadline { usleep(1_000) }
                let patience = monotonicNanoseconds() + 200_000_000
                while !reports.hasEnd, monotonicNanoseconds() < patience { usleep(1_000) }
                guard let truth = next.truth else { continue }
                row.blocks += 1
                let heard = reports.take()
                guard let end = heard.first(where: { $0.report.state == .ended && $0.report.kind == .stall }) else {
                    continue
                }
                row.found += 1
                row.errors.append(
                    end.report.durationNanoseconds + end.report.interruptedNanoseconds - truth.nanoseconds
                )
                if let begun = heard.first(where: { $0.report.state == .begun && $0.report.kind == .stall }) {
                    row.latencies.append(begun.nanoseconds - truth.beganNanoseconds - thresholdNanoseconds)
                    let frames = begun.report.stack?.frames ?? []
                    if frames.contains(where: { $0.function.contains("NextBlock.run") }) { row.begunNamed += 1 }
                }
            }
            print(row.text)
        }
    }
}
watch.stop()
try await server.close().get()
try await group.shutdownGracefully()
