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
                        isMain: sample.thread == 1,
                        isAsleep: true
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
                .init(
                    thread: 1,
                    comm: "node",
                    wait: .init(number: 232, descriptor: 30),
                    isEpoll: true,
                    isMain: true,
                    isAsleep: true
                )
            )
        }
        #expect(ranking.loops.map(\.wait.descriptor) == [17])
        ranking.remove(1)
        #expect(ranking.loops.isEmpty)
    }

    /// A main thread that sleeps in poll(2), in a lock, or not at all.
    private struct MainThread {
        static let poll = WaitCall(number: 7, descriptor: 0x7FFF_0000)
        var ranking = LoopRanking()
        var runs: Int64 = 0

        mutating func poll(samples: Int = 1) { sleep(Self.poll, samples: samples) }
        mutating func lock(samples: Int = 1) { sleep(nil, samples: samples) }
        mutating func run() { add(nil, isAsleep: false) }

        private mutating func sleep(_ wait: WaitCall?, samples: Int) {
            runs += 1
            for _ in 0..<samples { add(wait, isAsleep: true) }
        }

        private mutating func add(_ wait: WaitCall?, isAsleep: Bool) {
            ranking.add(
                .init(
                    thread: 1,
                    comm: "python3",
                    wait: wait,
                    isEpoll: false,
                    isMain: true,
                    isAsleep: isAsleep,
                    runs: runs
                )
            )
        }

        var isLoop: Bool { !ranking.loops.isEmpty }
        var isRefuted: Bool { ranking.isRefuted(1, wait: Self.poll) }
    }

    @Test("a main thread that waits by poll(2) most of the time is a loop, however long it is blocked now and then")
    func pollLoop() {
        var thread = MainThread()
        thread.poll(samples: 100)
        #expect(!thread.isLoop, "it waits for one thing, perhaps")
        thread.run()
        thread.poll()
        #expect(thread.isLoop && !thread.isRefuted)
        thread.lock(samples: 1_000)
        #expect(thread.isLoop && !thread.isRefuted, "that is one sleep")
        for _ in 0..<50 {
            for _ in 0..<9 { thread.run() }
            thread.lock(samples: 5)
            thread.poll()
            thread.poll()
        }
        #expect(thread.isLoop && !thread.isRefuted)
    }

    @Test("a supervisor, that sleeps and polls now and then, is none, also if it polled only at first")
    func supervisor() {
        var thread = MainThread()
        for _ in 0..<200 {
            for _ in 0..<3 { thread.lock(samples: 5) }
            thread.poll(samples: 20)
            #expect(!thread.isLoop)
        }
        thread = MainThread()
        for _ in 0..<3 { thread.poll(samples: 10) }
        #expect(thread.isLoop)
        for _ in 0..<3 { thread.lock() }
        #expect(!thread.isRefuted, "too few to say")
        thread.lock()
        #expect(thread.isRefuted && !thread.isLoop)
    }

    @Test("a loop that waited by epoll is one whatever its thread sleeps in besides")
    func epollIsEnough() {
        var thread = MainThread()
        for _ in 0..<3 {
            thread.ranking.add(
                .init(
                    thread: 1,
                    comm: "node",
                    wait: .init(number: 232, descriptor: 17),
                    isEpoll: true,
                    isMain: true,
                    isAsleep: true
                )
            )
        }
        for _ in 0..<20 { thread.lock() }
        #expect(thread.isLoop && !thread.ranking.isRefuted(1, wait: .init(number: 232, descriptor: 17)))
    }
}
