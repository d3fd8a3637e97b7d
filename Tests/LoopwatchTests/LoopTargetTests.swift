// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore
import Testing

extension Live {
    @Suite("Loops that run closures")
    struct LoopTargetTests {
        @Test("idle loops and short jobs are not reported", arguments: LoopKind.allCases)
        func healthy(kind: LoopKind) throws {
            try withLoops([kind, kind]) { loops in
                try withWatch(stacks: .off) { watch, recorder in
                    watch.add(loops[0].target("one"))
                    watch.add(loops[1].target("two"))
                    try checkShortJobs(on: "one", watch, recorder) { loops[0].execute($0) }
                    #expect(recorder.reports.isEmpty)
                }
            }
        }

        @Test(
            "a block is reported while it lasts and once when it ends, with its length and cause",
            arguments: LoopKind.allCases,
            Hold.Way.allCases
        )
        func blocked(kind: LoopKind, way: Hold.Way) throws {
            try withLoops([kind, kind]) { loops in
                try withWatch(stacks: .off) { watch, recorder in
                    watch.add(loops[0].target("one"))
                    watch.add(loops[1].target("two"))
                    try watch.waitUntilAnswered(["one", "two"])
                    for _ in 0..<2 {
                        try checkStall(of: "one", by: Hold(way), watch, recorder) { loops[0].execute($0) }
                    }
                    #expect(try watch.statistics(of: "one").stallsBySeverity.reduce(0, +) == 2)
                    #expect(try watch.statistics(of: "two").stallsBySeverity.reduce(0, +) == 0)
                }
            }
        }

        @Test("a block that was there before the watch is reported too", arguments: LoopKind.allCases)
        func blockedFromTheStart(kind: LoopKind) throws {
            try withLoops([kind]) { loops in
                try withWatch(stacks: .off) { watch, recorder in
                    let hold = Hold(.sleeping)
                    defer { hold.release() }
                    loops[0].execute { hold.run() }
                    try eventually("the loop is blocked") { hold.hasBegun }
                    watch.add(loops[0].target("one"))
                    let begun = try recorder.wait(for: "the begun report") { $0.state == .begun }
                    #expect(!hold.hasEnded)
                    hold.release()
                    try recorder.wait(for: "the ended report") { $0.state == .ended && $0.stall == begun.stall }
                }
            }
        }

        @Test("a long block is told of again at doublings of the threshold")
        func goingOn() throws {
            try withLoops([.poll]) { loops in
                try withWatch(stacks: .off, { $0.thresholds = Thresholds(warning: .milliseconds(50)) }) {
                    watch,
                    recorder in
                    watch.add(loops[0].target("one"))
                    try watch.waitUntilAnswered(["one"])
                    let hold = Hold(.sleeping)
                    defer { hold.release() }
                    loops[0].execute { hold.run() }
                    try recorder.wait(for: "the report at eight times the threshold") {
                        $0.target == "one" && $0.state == .ongoing && $0.durationNanoseconds >= 400_000_000
                    }
                    #expect(!hold.hasEnded)
                    let told = recorder.reports.filter { $0.target == "one" }
                    #expect(told.first?.state == .begun)
                    #expect((2...4).contains(told.count), "\(recorder.lines)")
                    #expect(told.map(\.durationNanoseconds) == told.map(\.durationNanoseconds).sorted())
                }
            }
        }
    }
}
