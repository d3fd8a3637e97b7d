// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore
import Testing

@Suite("History of a watch")
struct WatchHistoryTests {
    private let interval = Double(Limits.historyIntervalNanoseconds) / 1_000_000

    private func loop(_ name: String, lag: Int64 = 0, process: RemoteProcessName? = nil) -> LoopSnapshot {
        var statistics = StallStatistics()
        statistics.currentStallNanoseconds = lag
        let remote = process.map { RemoteTargetSnapshot(process: $0, summary: "") }
        return LoopSnapshot(name: name, statistics: statistics, remote: remote)
    }

    @Test("an interval is due once, when it is over")
    func due() {
        var history = WatchHistory(now: at(100 * interval + 1))
        #expect(!history.isDue(at: at(100 * interval + 1)))
        #expect(!history.isDue(at: at(101 * interval - 1)))
        #expect(history.isDue(at: at(101 * interval)))
        history.record(loops: [loop("a")], pools: [], at: at(101 * interval))
        #expect(history.latest == 100)
        #expect(!history.isDue(at: at(102 * interval - 1)))
        #expect(history.isDue(at: at(102 * interval)))
        history.record(loops: [loop("a", lag: 9_000)], pools: [], at: at(101 * interval + 3))
        #expect(history.history(of: .init(loop("a")), at: at(0)).points(last: 9).map(\.maximumMicroseconds) == [0])
    }

    @Test("loops, pools and processes of one name are told apart")
    func keys() {
        let pool = PoolSnapshot(name: "a", statistics: StallStatistics(), depth: nil, size: nil)
        let other = RemoteProcessName(name: "web", identifier: 7)
        var history = WatchHistory(now: at(0))
        history.record(
            loops: [loop("a", lag: 1_000), loop("a", lag: 2_000, process: other)],
            pools: [pool],
            at: at(interval)
        )
        #expect(history.count == 3)
        func maximum(_ key: WatchHistory.Key) -> [UInt32] {
            history.history(of: key, at: at(interval)).points(last: 9).map(\.maximumMicroseconds)
        }
        #expect(maximum(.init(loop("a"))) == [1])
        #expect(maximum(.init(loop("a", process: other))) == [2])
        #expect(maximum(.init(pool)) == [0])
    }

    @Test("a target that is gone is forgotten, and one that is new has no past")
    func gone() {
        var history = WatchHistory(now: at(0))
        history.record(loops: [loop("a"), loop("b")], pools: [], at: at(interval))
        history.record(loops: [loop("b"), loop("c")], pools: [], at: at(2 * interval))
        #expect(history.count == 2)
        #expect(history.history(of: .init(loop("a")), at: at(2 * interval)).points(last: 9).isEmpty)
        #expect(history.history(of: .init(loop("b")), at: at(2 * interval)).points(last: 9).count == 2)
        #expect(history.history(of: .init(loop("c")), at: at(2 * interval)).points(last: 9).count == 1)
    }
}
