// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

/// Which threads of another process are event loops.
@Suite("Loop ranking")
struct LoopRankingTests {
    private static func ranking(
        _ samples: [(thread: Int32, comm: String, descriptor: UInt64?)],
        times: Int = 5
    ) -> LoopRanking {
        var ranking = LoopRanking()
        for _ in 0..<times {
            for sample in samples {
                ranking.add(
                    LoopRanking.Sample(
                        thread: sample.thread,
                        comm: sample.comm,
                        wait: sample.descriptor.map { WaitCall(number: 232, descriptor: $0) },
                        isEpoll: true,
                        isMain: sample.thread == 1
                    )
                )
            }
        }
        return ranking
    }

    @Test("the main thread comes first, and threads that wait for locks are none")
    func order() {
        let loops = Self.ranking([
            (9, "NIO-ELT-0-#1", 8), (1, "server", 4), (3, "worker", nil), (8, "NIO-ELT-0-#0", 7),
        ]).loops
        #expect(loops.map(\.thread) == [1, 8, 9])
        #expect(loops.first?.wait == WaitCall(number: 232, descriptor: 4) && loops.first?.isMain == true)
    }

    @Test("one glance is not enough")
    func glance() {
        #expect(Self.ranking([(1, "server", 4)], times: 2).loops.isEmpty)
        #expect(Self.ranking([(1, "server", 4)], times: 3).loops.count == 1)
    }

    @Test("V8's timer thread and Dispatch's manager are no loops")
    func excluded() {
        #expect(Self.ranking([(1, "node", 17), (2, "node", 13), (3, "node", 21)]).loops.map(\.thread) == [1, 3])
        #expect(Self.ranking([(1, "MainThread", 17), (2, "DelayedTaskSche", 13)]).loops.map(\.thread) == [1])
        #expect(Self.ranking([(2, "-qos.overcommit", 5), (3, "NIO-ELT-0-#0", 7)]).loops.map(\.thread) == [3])
    }

    @Test("a descriptor that several threads wait on is a scheduler's")
    func shared() {
        #expect(Self.ranking([(2, "gopher", 4), (3, "gopher", 4), (5, "loop", 6)]).loops.map(\.thread) == [5])
    }

    @Test("the wait that is seen most is the loop's own")
    func primary() {
        var ranking = Self.ranking([(1, "node", 17)], times: 9)
        for _ in 0..<4 {
            ranking.add(
                .init(thread: 1, comm: "node", wait: .init(number: 232, descriptor: 30), isEpoll: true, isMain: true)
            )
        }
        #expect(ranking.loops.map(\.wait.descriptor) == [17])
        ranking.remove(1)
        #expect(ranking.loops.isEmpty)
    }
}
