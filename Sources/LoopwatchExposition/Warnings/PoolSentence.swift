// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

package import LoopwatchCore

/// Says in one sentence what keeps the jobs of a pool waiting.
///
/// ```
/// all 2 threads are held (lock) and 15 jobs wait, the oldest for 2002ms: 2 at SlowDatabase.query() SlowDatabase.swift:25
/// ```
package enum PoolSentence {
    /// The sentence; `nil` for a report that says it all without.
    package static func text(of report: StallReport) -> String? {
        guard let pool = report.pool else { return nil }
        let isOver = report.state == .ended
        let are = isOver ? "were" : "are"
        let jobs = "\(pool.waiting) \(pool.waiting == 1 ? "job" : "jobs")"
        var waiting = "\(jobs) \(isOver ? "waited" : pool.waiting == 1 ? "waits" : "wait")"
        if !isOver, let oldest = pool.oldestWaitNanoseconds {
            waiting += pool.waiting == 1 ? " for " : ", the oldest for "
            var bytes: [UInt8] = []
            bytes.append(millisecondsOfNanoseconds: oldest)
            waiting += String(decoding: bytes, as: UTF8.self)
        }
        switch pool.kind {
        case .heldThread: return nil
        case .starved:
            let reason = pool.holderCause.map { " (\($0.text))" } ?? ""
            let threads =
                pool.width == 1 ? "the only thread \(isOver ? "was" : "is")" : "all \(pool.width) threads \(are)"
            return "\(threads) held\(reason) and \(waiting)" + places(report)
        case .takenByOthers where report.cause == .runqueue || report.cause == .throttled:
            let reason = report.cause == .throttled ? " (its quota is used up)" : ""
            return "its threads \(are) ready and \(isOver ? "got" : "get") no CPU\(reason), and \(waiting)"
        case .takenByOthers:
            guard pool.isOfSwift else {
                return "items that are not metered, or none, \(isOver ? "had" : "have") \(pool.width - pool.held) of "
                    + "\(pool.width) threads, and \(waiting)" + places(report)
            }
            let holders =
                pool.held == 0
                ? "no Swift job \(isOver ? "held" : "holds") a thread"
                : "Swift jobs \(isOver ? "held" : "hold") only \(pool.held) of \(pool.width) threads"
            return "\(holders): other work, such as that of DispatchQueue.global(), "
                + "\(isOver ? "had" : "has") taken the rest, and \(waiting)" + places(report)
        case .saturated:
            if pool.isOfSwift {
                return "Swift jobs \(isOver ? "held" : "hold") all \(pool.width) threads that Swift's pool has for one "
                    + "priority; what waits for them cannot be seen from outside" + places(report)
            }
            let busy = isOver ? "were busy" : "are busy"
            if let depth = report.depth {
                let items = "\(depth) \(depth == 1 ? "item" : "items")"
                let waiting = isOver ? "waited at most" : depth == 1 ? "waits" : "wait"
                return "all \(pool.width) threads \(busy) and \(items) \(waiting)" + places(report)
            }
            return "all \(pool.width) threads \(busy); what waits for them cannot be seen from outside" + places(report)
        case .congested:
            return "\(waiting), though jobs \(isOver ? "began" : "begin") all the time: "
                + "they \(are) too many for \(pool.width) \(pool.width == 1 ? "thread" : "threads")"
        }
    }

    /// Where the threads are, the most at one place first.
    private static func places(_ report: StallReport) -> String {
        let groups = report.groups.filter { $0.stack.blamed != nil }
        guard !groups.isEmpty else { return "" }
        // Threads may have come to one place by several ways.
        var places: [(place: String, threads: Int)] = []
        for group in groups {
            let place = StackLineWriter.place(of: group.stack.blamed!)
            if let index = places.firstIndex(where: { $0.place == place }) {
                places[index].threads += group.threads
            } else {
                places.append((place, group.threads))
            }
        }
        let texts = places.prefix(placesMost).map { "\($0.threads) at \($0.place)" }
        return ": " + texts.joined(separator: ", ") + (places.count > placesMost ? ", ..." : "")
    }

    /// Places that a line names; the report as JSON has more.
    private static let placesMost = 4
}
