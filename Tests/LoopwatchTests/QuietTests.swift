// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import Loopwatch
import LoopwatchCore
import LoopwatchPlatform
import Testing

extension Live {
    @Suite("Targets that wait are left alone")
    struct QuietTests {
        @Test("an idle poll loop, condition variable loop and queue get no beats, and the loops' threads do not run")
        func idle() async {
            // In a process of its own: a futex proves nothing while others run.
            await #expect(processExitsWith: .success) {
                let queue = DispatchQueue(label: "queue")
                try withLoops([.poll, .condition]) { loops in
                    try withWatch { watch, recorder in
                        let names = ["poll", "condition", "queue"]
                        watch.add(loops[0].target("poll"))
                        watch.add(loops[1].target("condition"))
                        watch.add(.queue("queue", queue))
                        func beats() throws -> [UInt64] { try names.map { try watch.statistics(of: $0).beats } }
                        func work() -> [Int64?] { loops.map { Clock.threadCPUNanoseconds(of: $0.thread) } }
                        var before = ([UInt64](), [Int64?]())
                        // Learning takes some rounds; then a whole second must pass without a beat.
                        try eventually("a second without a beat") {
                            before = (try beats(), work())
                            poll(nil, 0, 1_000)
                            return try beats() == before.0
                        }
                        #expect(work() == before.1)
                        let checks = try names.map { try watch.statistics(of: $0).parkChecks }
                        #expect(checks.allSatisfy { $0 > 0 }, "\(checks)")
                        #expect(recorder.reports.isEmpty, "\(recorder.lines)")
                        // And yet a block is seen.
                        try checkStall(of: "poll", by: Hold(.computing), watch, recorder) { loops[0].execute($0) }
                        try checkStall(of: "condition", by: Hold(.locked), watch, recorder) { loops[1].execute($0) }
                    }
                }
            }
        }

        @Test("an idle poll loop and an idle queue get no beats although the rest of the process works")
        func idleInBusyProcess() throws {
            let queue = DispatchQueue(label: "queue")
            try withLoops([.poll, .condition]) { loops in
                try withWatch { watch, _ in
                    watch.add(loops[0].target("poll"))
                    watch.add(.queue("queue", queue))
                    let work = Hold(.computing)
                    defer { work.release() }
                    loops[1].execute { work.run() }
                    try eventually("half a second without a beat to the queue") {
                        let before = try watch.statistics(of: "queue").beats
                        poll(nil, 0, 500)
                        return try watch.statistics(of: "queue").beats == before
                    }
                }
            }
        }

        @Test("a block of many short sleeps that begins in the middle of a rest is not underestimated by the whole rest")
        func shortSleepsAfterRest() async {
            await #expect(processExitsWith: .success) {
                try withLoops([.poll]) { loops in
                    try withWatch({ $0.thresholds = Thresholds(warning: .seconds(1)) }) { watch, recorder in
                        watch.add(loops[0].target("one"))
                        try watch.waitUntilParked(["one"])
                        let hold = Hold(.sleeping)
                        defer { hold.release() }
                        // Right after a look, so that the next one is three quarters of a second away.
                        let checks = try watch.statistics(of: "one").parkChecks
                        try eventually("a look") { try watch.statistics(of: "one").parkChecks > checks }
                        loops[0].execute { hold.run() }
                        try recorder.wait(for: "the begun report") { $0.state == .begun }
                        hold.release()
                        let ended = try recorder.wait(for: "the ended report") { $0.state == .ended }
                        #expect(hold.nanoseconds - ended.durationNanoseconds < 500_000_000)
                    }
                }
            }
        }
    }
}
