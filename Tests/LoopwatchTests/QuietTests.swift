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
        @Test("an idle poll loop and an idle queue get no beats")
        func idlePollLoop() async {
            await #expect(processExitsWith: .success) {
                recordingErrors { try checkQuiet(.poll, way: .computing) }
            }
        }

        @Test(
            "an idle condition variable loop and an idle queue get no beats while the rest of the process is quiet"
        )
        func idleConditionLoop() async {
            // In a process of its own: a futex proves nothing while others run.
            await #expect(processExitsWith: .success) {
                recordingErrors { try checkQuiet(.condition, way: .locked) }
            }
        }

        @Test("an idle queue gets no beats although the rest of the process works")
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

        @Test("targets that wait are told as proved to wait a moment ago, and blocks after that are found")
        func rest() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    try withLoops(Array(repeating: .poll, count: 5)) { loops in
                        try withWatch { watch, recorder in
                            let names = loops.indices.map { "loop-\($0)" }
                            for (name, loop) in zip(names, loops) { watch.add(loop.target(name)) }
                            try watch.waitUntilAnswered(names)
                            for way in Hold.Way.allCases {
                                // Most of the time, whatever else this machine does.
                                var recent = 0
                                for _ in 0..<12 {
                                    poll(nil, 0, 230)
                                    let age = try watch.statistics(of: "loop-3").heartbeatAgeNanoseconds
                                    if age < 400_000_000 { recent += 1 }
                                }
                                #expect(recent >= 9)
                                try checkStall(of: "loop-2", by: Hold(way), watch, recorder) { loops[2].execute($0) }
                            }
                        }
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

/// Checks that a loop and a queue that wait are left alone for more than a second, and that a block is seen after that.
private func checkQuiet(_ kind: LoopKind, way: Hold.Way) throws {
    let queue = DispatchQueue(label: "queue")
    let latestBeat = Mutex<MonotonicInstant?>(nil)
    try withLoops([kind]) { loops in
        try withWatch { watch, recorder in
            watch.add(
                .loop("loop") { work in
                    latestBeat.withLock { $0 = Clock.now() }
                    loops[0].execute(work)
                }
            )
            watch.add(.queue("queue", queue))
            // To look is to run, which the proof does not survive: so the time of the last beat is noted, and looked at
            // after a while in which hardly anything else ran. The runtime of the tests itself does so once a second;
            // without a proof there would be a beat each 150 ms.
            try eventually("600 ms without a beat") {
                let beats = try watch.statistics(of: "queue").beats
                poll(nil, 0, 1_700)
                let latest = latestBeat.withLock { $0 }
                guard let latest, try watch.statistics(of: "queue").beats == beats else { return false }
                return Clock.now().nanoseconds(since: latest) > 600_000_000
            }
            for name in ["loop", "queue"] { #expect(try watch.statistics(of: name).parkChecks > 0) }
            #expect(recorder.reports.isEmpty, "\(recorder.lines)")
            try checkStall(of: "loop", by: Hold(way), watch, recorder) { loops[0].execute($0) }
        }
    }
}
