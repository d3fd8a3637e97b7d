// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Testing

extension Live {
    @Suite("How often targets are looked at")
    struct LookPaceTargetTests {
        /// CPU time that one look at the pool costs, in nanoseconds: at a look every 10 ms six times what the watchdog may use.
        private static let costNanoseconds: Int64 = 300_000

        @Test("where looks cost too much, targets that answer get fewer, but for those with a resolution of their own")
        func pace() throws {
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            let looks = Guarded((shared: 0, own: 0))
            let isBusy = Guarded(true)
            // Work for the pool, so that it is not known to be at rest, and the process not taken for a quiet one.
            @Sendable func work() {
                guard isBusy.withLock({ $0 }) else { return }
                usleep(1_000)
                let end = (Clock.ownCPUNanoseconds() ?? 0) + 200_000
                while let now = Clock.ownCPUNanoseconds(), now < end {}
                pool.execute { work() }
            }
            defer { isBusy.withLock { $0 = false } }
            try withWatch { watch, recorder in
                watch.add(
                    .pool(
                        "shared",
                        submit: { pool.execute($0) },
                        depth: {
                            looks.withLock { $0.shared += 1 }
                            let end = (Clock.ownCPUNanoseconds() ?? 0) + Self.costNanoseconds
                            while let now = Clock.ownCPUNanoseconds(), now < end {}
                            return 0
                        }
                    )
                )
                watch.add(
                    WatchTarget.pool(
                        "own",
                        submit: { pool.execute($0) },
                        depth: {
                            looks.withLock { $0.own += 1 }
                            return 0
                        }
                    ).with(resolution: .milliseconds(10))
                )
                try watch.waitUntilAnswered(["shared", "own"])
                pool.execute { work() }
                try eventually("the watchdog looks at half the rate") {
                    watch.snapshot().watchdog.lookNanoseconds >= 20_000_000
                }
                // Where other programs have the machine, a target that is late is looked at as often as the other for a while.
                var before = looks.withLock { $0 }
                try eventually("fifty looks at the one, and less than forty at the other") {
                    let now = looks.withLock { $0 }
                    guard now.own >= before.own + 50 else { return false }
                    defer { before = now }
                    return Double(now.shared - before.shared) < 0.8 * Double(now.own - before.own)
                }
                #expect(recorder.reports.isEmpty, "\(recorder.lines)")
            }
        }
    }
}
