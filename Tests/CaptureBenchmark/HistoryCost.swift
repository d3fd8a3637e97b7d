// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Glibc
import LoopwatchCore
import LoopwatchPlatform

/// What the history of many targets takes: memory by what the process has resident more, and CPU for each interval that is recorded.
enum HistoryCost {
    /// Measures, and prints three lines.
    ///
    /// - Parameter targets: how many loops; each is late a little, and differently, in each interval.
    static func measure(targets: Int) {
        let interval = Limits.historyIntervalNanoseconds
        let began = MonotonicInstant(nanoseconds: interval)
        var loops = (0..<targets).map { LoopSnapshot(name: "http-\($0)", statistics: StallStatistics()) }
        // So that what the snapshots themselves take is not counted with it.
        observe(&loops, at: began)
        let before = residentBytes()
        var history = WatchHistory(now: began)
        var recorded: [Int64] = []
        for number in 1...(Limits.historyPoints * 2) {
            let now = began.advanced(byNanoseconds: Int64(number) * interval)
            observe(&loops, at: now.advanced(byNanoseconds: -1))
            let used = Clock.threadCPUNanoseconds(of: OwnThread.currentIdentifier) ?? 0
            history.record(loops: loops, pools: [], at: now)
            recorded.append((Clock.threadCPUNanoseconds(of: OwnThread.currentIdentifier) ?? 0) - used)
        }
        let taken = residentBytes() - before
        let buckets = HistogramEdges.lag.nanoseconds.count + 1
        let points = Limits.historyPoints * MemoryLayout<LagHistory.Point>.stride
        let readings = (Limits.historyReadings + 1) * buckets * MemoryLayout<UInt64>.stride
        print("\(history.count) targets, \(Limits.historyPoints) intervals of \(interval / 1_000_000_000) s")
        print(
            "memory: \(taken / 1_024) KiB, \(taken / max(1, history.count)) bytes a target; "
                + "\(points) of them points, \(readings) counts of lag, the rest names and what arrays have to spare"
        )
        let median = recorded.sorted()[recorded.count / 2]
        print(
            "CPU: \(Double(median) / 1e3) us an interval, \(Double(median) / Double(targets)) ns a target, "
                + "\(Double(median) * 100 / Double(interval)) % of a CPU"
        )
    }

    /// Resident memory of this process, in bytes: the second word of `/proc/self/statm`, in pages (proc(5)).
    private static func residentBytes() -> Int {
        let text = String(decoding: WholeFile.bytes(at: "/proc/self/statm", atMost: 256), as: UTF8.self)
        return (Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0) * sysconf(CInt(_SC_PAGESIZE))
    }

    private static func observe(_ loops: inout [LoopSnapshot], at now: MonotonicInstant) {
        for index in loops.indices {
            let lag = Int64(50_000 + index * 1_000)
            loops[index].statistics.lag.observe(nanoseconds: lag)
            loops[index].statistics.lagPeaks.observe(nanoseconds: lag, at: now)
        }
    }
}
