// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import Loopwatch
import NIOCore

// What is compiled here is in the article on targets, and in comments of the API.

/// A pool that a host made.
final class WorkerPool: Sendable {
    let queue = DispatchQueue(label: "workers", attributes: .concurrent)
    var waiting: Int { 0 }

    func submit(_ work: @escaping @Sendable () -> Void) { queue.async(execute: work) }
}

@Sendable func query() {}
@Sendable func resize() {}

func watchQueues(watch: Loopwatch) {
    // sample: queues
    let orders = DispatchQueue(label: "orders")
    watch.add(.queue("orders", orders))
    watch.add(.mainQueue())

    let images = DispatchQueue(label: "images", attributes: .concurrent)
    watch.add(.concurrentQueue("images", images))
    // end
}

func meterQueue(watch: Loopwatch) {
    // sample: metered queue
    let images = watch.meteredQueue("images", DispatchQueue(label: "images", attributes: .concurrent), size: 4)
    images.async { resize() }
    images.sync { resize() }
    // end
}

func watchMainActor(watch: Loopwatch) {
    // sample: main actor
    watch.add(.mainActor())
    // end
}

func watchPool(_ pool: WorkerPool, watch: Loopwatch) {
    // sample: own pool, sampled
    watch.add(.pool("workers", submit: { pool.submit($0) }, depth: { pool.waiting }, size: { 4 }))
    // end
}

func meterPool(_ pool: WorkerPool, watch: Loopwatch) {
    // sample: own pool, metered
    let meter = watch.meter("workers", size: 4)
    pool.submit(meter.metered { query() })
    // end
}

/// The comment of `PoolMeter`.
func makeMeter(_ pool: WorkerPool, watch: Loopwatch) {
    // sample: PoolMeter
    let meter = PoolMeter("db", size: 4)
    watch.add(.metered(meter))
    pool.submit(meter.metered { query() })
    // end
}

func setThresholds(of loop: any EventLoop, watch: Loopwatch) {
    // sample: thresholds
    let admin = WatchTarget.loop("admin") { loop.execute($0) }
    watch.add(admin.with(thresholds: Thresholds(warning: .seconds(1))))
    // end
}

func removeTarget(orders: DispatchQueue, watch: Loopwatch, logger: Logger) {
    // sample: registration
    let registration = watch.add(.queue("orders", orders))
    if let problem = registration.problem { logger.error("\(problem)") }

    registration.remove()
    // end
}
