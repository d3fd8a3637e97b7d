// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Hummingbird
import Loopwatch
import NIOCore

/// The routes: three that block in three ways, one that is well, and the host's own `/metrics`.
///
/// Hummingbird runs handlers on Swift's global executor, so that a handler that merely sleeps holds a thread of that pool
/// and no event loop. The ways below are the ones by which real servers do block a loop.
func makeRouter(monitor: BlockMonitor, names: LoopNames, watch: Loopwatch) -> Router<LoopRequestContext> {
    let router = Router(context: LoopRequestContext.self)

    // A handler that was put on its connection's loop, to save the hops, and that then sleeps.
    router.get("block-sleep") { _, context in
        let name = names.name(of: context.eventLoop)
        return await withTaskExecutorPreference(EventLoopTaskExecutor(context.eventLoop)) {
            monitor.measure(name) { usleep(Block.sleepMicroseconds) }.text
        }
    }

    // A callback of an EventLoopFuture that computes, as decoders of drivers written before async/await do.
    router.get("block-cpu") { _, context in
        let name = names.name(of: context.eventLoop)
        return try await context.eventLoop.submit {
            var result: UInt64 = 0
            let record = monitor.measure(name) { result = Block.compute(for: Block.computing) }
            return result == 0 ? "impossible" : record.text
        }.get()
    }

    // One job that computes.
    router.get("churn") { _, context in
        let name = names.name(of: context.eventLoop)
        return try await context.eventLoop.submit {
            monitor.measure(name) { _ = Block.churn(for: Block.churning) }.text
        }.get()
    }

    // Very many jobs, none of them long: the loop is late, and nothing blocks it.
    for sleeping in [true, false] {
        router.get(sleeping ? "flood-sleep" : "flood-cpu") { _, context in
            let start = SuspendingClock.now
            let last = context.eventLoop.makePromise(of: Void.self)
            for _ in 0..<Block.flood { context.eventLoop.execute { Block.shortJob(sleeping: sleeping) } }
            context.eventLoop.execute { last.succeed() }
            try await last.futureResult.get()
            return BlockRecord(
                target: names.name(of: context.eventLoop),
                nanoseconds: (SuspendingClock.now - start).wholeNanoseconds
            ).text
        }
    }

    // BlockingChannelHandler has slept, or computed, by the time that the request arrives here.
    for path in ["block-read", "churn-read"] {
        router.get(RouterPath(path)) { _, _ in monitor.latest?.text ?? "not blocked" }
    }

    // Tasks that sleep where they should await, as many as the pool has threads.
    router.get("block-pool") { _, _ in
        await Block.holdPool(monitor: monitor, target: BlockMonitor.pool)
        return monitor.latest?.text ?? "not blocked"
    }

    router.get("healthy") { _, _ in "ok" }
    router.get("metrics") { _, _ in watch.metrics() }
    return router
}
