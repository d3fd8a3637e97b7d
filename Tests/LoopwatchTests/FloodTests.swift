// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Synchronization
import Testing

extension Live {
    @Suite("A flood of short jobs")
    struct FloodTests {
        @Test("on a loop is congestion, and no stall", arguments: LoopKind.allCases)
        func loop(kind: LoopKind) throws {
            try withLoops([kind]) { loops in
                try flood(loops[0].target("one"), longJobs: 0) { loops[0].execute($0) }
            }
        }

        @Test("on a queue is congestion, and no stall")
        func queue() throws {
            let queue = DispatchQueue(label: "one")
            try flood(.queue("one", queue), longJobs: 0) { queue.async(execute: $0) }
        }

        @Test("on a pool is congestion, and no stall, also of jobs that last longer than a look")
        func pool() throws {
            // What each thread of the pool is at is told by itself: no depth.
            let pool = try TestPool(threads: 2)
            defer { pool.stop() }
            try flood(.pool("one", submit: { pool.execute($0) }), longJobs: 0) { pool.execute($0) }
            try withWatch(stacks: .off) { watch, recorder in
                watch.add(.pool("one", submit: { pool.execute($0) }))
                try watch.waitUntilAnswered(["one"])
                try watch.settle()
                let remaining = Atomic(20)
                for _ in 0..<20 {
                    pool.execute {
                        usleep(60_000)
                        remaining.subtract(1, ordering: .releasing)
                    }
                }
                try eventually("the flood ends") { remaining.load(ordering: .acquiring) == 0 }
                try recorder.wait(for: "the end of the congestion") { $0.kind == .congestion && $0.state == .ended }
                try watch.settle()
                #expect(!recorder.reports.contains { $0.kind == .stall }, "\(recorder.lines)")
            }
        }

        @Test("with one long job in it is a stall as well, on a loop", arguments: LoopKind.allCases)
        func loopWithLongJob(kind: LoopKind) throws {
            try withLoops([kind]) { loops in
                try flood(loops[0].target("one"), longJobs: 1) { loops[0].execute($0) }
            }
        }

        @Test("with one long job in it is a stall as well, on a queue")
        func queueWithLongJob() throws {
            let queue = DispatchQueue(label: "one")
            try flood(.queue("one", queue), longJobs: 1) { queue.async(execute: $0) }
        }

        /// The watchdog looks at a loop that waits once a threshold: what begins right after a look would be found too late to
        /// tell one job from several, if the process's CPU time did not wake it.
        @Test("of computing jobs that begins right after a look at a loop that waits is no stall")
        func afterLook() async {
            // In a process of its own: where threads compute that serve no target, as those of other tests do, the watchdog
            // has itself woken only now and then.
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    // Longer than a look alone before the threshold would tell.
                    let nanoseconds: Int64 = 140_000_000
                    try withLoops([.poll]) { loops in
                        try withWatch(stacks: .off) { watch, recorder in
                            watch.add(loops[0].target("one"))
                            try watch.waitUntilAnswered(["one"])
                            for _ in 0..<4 {
                                try FloodTests.checkFloodAfterLook(loops[0], nanoseconds: nanoseconds, watch, recorder)
                            }
                        }
                    }
                }
            }
        }

        private static func checkFloodAfterLook(
            _ loop: any TestLoop,
            nanoseconds: Int64,
            _ watch: Loopwatch,
            _ recorder: ReportRecorder
        ) throws {
            /// How long a job lasted, and for how much of it the loop had a CPU.
            typealias Length = (elapsed: Int64, computed: Int64)
            var lengths: [Length] = []
            var told = 0
            var attempts = 0
            // Where other programs have the CPU for that long, a job may well be a stall, or look like one.
            repeat {
                attempts += 1
                guard attempts <= 100 else { throw NeverHappened(description: "jobs that have a CPU: \(lengths)") }
                try watch.settle()
                told = recorder.reports.count
                let jobs = Guarded<[Length]>([])
                let before = watch.snapshot().watchdog.wakeups
                try eventually("the watchdog has looked") { watch.snapshot().watchdog.wakeups > before }
                for _ in 0..<4 {
                    loop.execute {
                        let began = Clock.now()
                        let computed = Clock.ownCPUNanoseconds() ?? 0
                        let end = began.advanced(byNanoseconds: nanoseconds)
                        while Clock.now() < end {}
                        let length = Length(
                            Clock.now().nanoseconds(since: began),
                            (Clock.ownCPUNanoseconds() ?? 0) - computed
                        )
                        jobs.withLock { $0.append(length) }
                    }
                }
                try eventually("the flood ends") { jobs.withLock { $0.count } == 4 }
                try watch.settle()
                lengths = jobs.withLock { $0 }
            } while lengths.contains { $0.elapsed > nanoseconds * 5 / 4 || $0.computed < nanoseconds * 3 / 4 }
            let reports = recorder.reports.dropFirst(told)
            #expect(reports.contains { $0.kind == .congestion }, "\(lengths) \(recorder.lines)")
            #expect(!reports.contains { $0.kind == .stall }, "\(lengths) \(recorder.lines)")
        }

        private func flood(_ target: WatchTarget, longJobs: Int, _ execute: Execute) throws {
            try withWatch(stacks: .off) { watch, recorder in
                watch.add(target)
                try watch.waitUntilAnswered(["one"])
                try watch.settle()
                let remaining = Atomic(400)
                let hold = Hold(.sleeping)
                defer { hold.release() }
                // All at once, as a burst of requests comes.
                let start = Hold(.computing)
                execute { start.run() }
                try eventually("the flood can begin") { start.hasBegun }
                for number in 0..<400 {
                    if number == 200, longJobs > 0 { execute { hold.run() } }
                    execute {
                        let end = Clock.now().advanced(byNanoseconds: 1_000_000)
                        while Clock.now() < end {}
                        remaining.subtract(1, ordering: .releasing)
                    }
                }
                start.release()
                if longJobs > 0 {
                    try recorder.wait(for: "the begun report of the long job") {
                        $0.kind == .stall && $0.state == .begun
                    }
                    #expect(hold.hasBegun)
                    hold.release()
                }
                try eventually("the flood ends") { remaining.load(ordering: .acquiring) == 0 }
                try recorder.wait(for: "the end of the congestion") {
                    // On a machine that has no CPU for it, that is the cause.
                    $0.kind == .congestion && $0.state == .ended && [.congestion, .runqueue].contains($0.cause)
                }
                // The end of a stall may wait for the names of its code.
                if longJobs > 0 {
                    try recorder.wait(for: "the end of the stall") { $0.kind == .stall && $0.state == .ended }
                }
                try watch.settle()
                let stalls = recorder.reports.filter { $0.kind == .stall && $0.state == .ended }
                #expect(stalls.count == longJobs, "\(recorder.lines)")
                let statistics = try watch.statistics(of: "one")
                #expect(statistics.congestions >= 1)
                #expect(statistics.stallsBySeverity.reduce(0, +) == UInt64(longJobs))
            }
        }
    }
}
