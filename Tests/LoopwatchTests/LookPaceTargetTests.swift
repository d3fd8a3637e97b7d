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
            // Work for the pool, so that it is not known to be at rest.
            @Sendable func work() {
                guard isBusy.withLock({ $0 }) else { return }
                usleep(1_000)
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
                let before = looks.withLock { $0 }
                try eventually("a hundred looks at the one") { looks.withLock { $0.own } >= before.own + 100 }
                let after = looks.withLock { $0 }
                let share = Double(after.shared - before.shared) / Double(after.own - before.own)
                #expect(share < 0.8, "\(before), \(after)")
                #expect(recorder.reports.isEmpty, "\(recorder.lines)")
            }
        }
    }
}
