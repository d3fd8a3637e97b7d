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
    @Suite("Dispatch queues")
    struct QueueTargetTests {
        @Test("idle queues and short jobs are not reported")
        func healthy() throws {
            let queues = [DispatchQueue(label: "one"), DispatchQueue(label: "two")]
            try withWatch { watch, recorder in
                watch.add(.queue("one", queues[0]))
                watch.add(.queue("two", queues[1]))
                try checkShortJobs(on: "one", watch, recorder) { queues[0].async(execute: $0) }
                #expect(recorder.reports.isEmpty)
            }
        }

        @Test(
            "a block is reported while it lasts and once when it ends, with its length and cause",
            arguments: Hold.Way.allCases
        )
        func blocked(way: Hold.Way) throws {
            let queues = [DispatchQueue(label: "one"), DispatchQueue(label: "two")]
            try withWatch { watch, recorder in
                watch.add(.queue("one", queues[0]))
                watch.add(.queue("two", queues[1]))
                try watch.waitUntilParked(["one", "two"])
                for _ in 0..<2 {
                    try checkStall(of: "one", by: Hold(way), watch, recorder) { queues[0].async(execute: $0) }
                }
                #expect(try watch.statistics(of: "one").stallsBySeverity.reduce(0, +) == 2)
                #expect(try watch.statistics(of: "two").stallsBySeverity.reduce(0, +) == 0)
            }
        }

        @Test("a queue that targets another is blocked when that one is")
        func targetQueue() throws {
            let base = DispatchQueue(label: "base")
            let queue = DispatchQueue(label: "one", target: base)
            try withWatch { watch, recorder in
                watch.add(.queue("one", queue))
                try checkShortJobs(on: "one", watch, recorder) { queue.async(execute: $0) }
                let hold = Hold(.sleeping)
                defer { hold.release() }
                base.async { hold.run() }
                try eventually("the base queue is blocked") { hold.hasBegun }
                queue.async {}
                try recorder.wait(for: "the begun report") { $0.state == .begun && $0.target == "one" }
                #expect(!hold.hasEnded)
                hold.release()
                try recorder.wait(for: "the ended report") { $0.state == .ended && $0.target == "one" }
            }
        }

        @Test("a serial queue that is given as a loop is still watched when Dispatch has ended its idle thread")
        func queueAsLoop() async {
            await #expect(processExitsWith: .success) {
                recordingErrors {
                    let queue = DispatchQueue(label: "one")
                    let thread = Atomic<ThreadIdentifier>(0)
                    try withWatch { watch, recorder in
                        watch.add(.loop("one") { queue.async(execute: $0) })
                        queue.async { thread.store(OwnThread.currentIdentifier, ordering: .relaxed) }
                        try watch.waitUntilAnswered(["one"])
                        try eventually("the thread is known") { thread.load(ordering: .relaxed) != 0 }
                        // Dispatch ends a thread that rested for five seconds; asked seldom, so that it can rest.
                        _ = try? eventually("the thread that served the queue ends", within: .seconds(9)) {
                            poll(nil, 0, 2_000)
                            return access("/proc/self/task/\(thread.load(ordering: .relaxed))", F_OK) != 0
                        }
                        try checkStall(
                            of: "one",
                            by: Hold(.sleeping),
                            causes: ["syscall:clock_nanosleep", "unknown"],
                            watch,
                            recorder
                        ) { queue.async(execute: $0) }
                    }
                }
            }
        }
    }
}
