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
    @Suite("Targets that wait are left alone")
    struct QuietTests {
        @Test("an idle poll loop, condition variable loop and queue get no beats, and the loops' threads do not run")
        func idle() async {
            // In a process of its own: a futex proves nothing while others run.
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let queue = DispatchQueue(label: "queue")
                    let beats = Mutex<[String: MonotonicInstant]>([:])
                    @Sendable func noted(_ name: String, _ submit: @escaping WatchTarget.Submit) -> WatchTarget.Submit {
                        { work in
                            beats.withLock { $0[name] = Clock.now() }
                            submit(work)
                        }
                    }
                    try withLoops([.poll, .condition]) { loops in
                        try withWatch { watch, recorder in
                            let names = ["poll", "condition", "queue"]
                            watch.add(.loop("poll", submit: noted("poll") { loops[0].execute($0) }))
                            watch.add(.loop("condition", submit: noted("condition") { loops[1].execute($0) }))
                            watch.add(.queue("queue", queue))
                            // To look is to run, which proofs do not survive: so the times of the beats are noted, and
                            // looked at after a while in which nothing else ran.
                            try eventually("a second without a beat") {
                                let before = try watch.statistics(of: "queue").beats
                                poll(nil, 0, 2_500)
                                let last = beats.withLock { $0.values.max() }
                                guard let last, try watch.statistics(of: "queue").beats == before else { return false }
                                return Clock.now().nanoseconds(since: last) > 1_000_000_000
                            }
                            #expect(beats.withLock { $0.count } == 2)
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

        @Test(
            "a block of many short sleeps that begins in the middle of a rest is not underestimated by the whole rest"
        )
        func shortSleepsAfterRest() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try withLoops([.poll]) { loops in
                        try withWatch({ $0.thresholds = Thresholds(warning: .seconds(1)) }) { watch, recorder in
                            watch.add(loops[0].target("one"))
                            try watch.waitUntilAnswered(["one"])
                            let hold = Hold(.sleeping)
                            defer { hold.release() }
                            // Right after a beat, so that the next look is most of a second away.
                            let beats = try watch.statistics(of: "one").lag.count
                            try eventually("a beat") { try watch.statistics(of: "one").lag.count > beats + 3 }
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
}
