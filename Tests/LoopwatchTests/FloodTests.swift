// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
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
