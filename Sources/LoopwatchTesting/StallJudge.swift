// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// Decides whether a block is the doing of the code under test.
struct StallJudge: Sendable {
    /// Whose a block is.
    enum Owner: Sendable, Equatable {
        /// In a task that the body started.
        case body
        /// In another test's.
        case other
        /// It bears no mark, and nothing tells.
        case unknown
    }

    /// The mark of tasks that the body started.
    var mark: UInt64
    /// Whether marks are known at all.
    var readsMarks: Bool
    /// What the body itself is called as a target, where it is watched.
    var bodyName: String { Self.bodyPrefix + "\(mark)" }
    /// How all such names begin.
    static let bodyPrefix = "expectNoStall-"
    /// The thread that a synchronous body runs on, which is watched as a target of its own.
    var bodyThread: Int32?
    /// When the body began.
    var began: MonotonicInstant
    /// When it ended; `nil` as long as it runs.
    var ended: MonotonicInstant?
    /// From which length on a block counts, in nanoseconds.
    var thresholdNanoseconds: Int64
    /// Unix time less the monotonic clock, in nanoseconds.
    var unixOffsetNanoseconds: Int64

    /// The wall clock, by which reports tell when a block began, may be off by this, in nanoseconds.
    private static let clockNanoseconds: Int64 = 1_000_000

    /// Whether the block is to be laid on the body.
    func blames(_ episode: StallEpisode) -> Bool {
        isWithin(episode) && Self.ownNanoseconds(episode.report) >= thresholdNanoseconds && owner(of: episode) != .other
    }

    /// Whether it began while the body ran, or in a task that the body started.
    func isWithin(_ episode: StallEpisode) -> Bool {
        let start = MonotonicInstant(nanoseconds: episode.report.beganUnixNanoseconds - unixOffsetNanoseconds)
        // Of what only beats tell the beginning is an estimate.
        let slack = episode.report.pool == nil ? thresholdNanoseconds / 2 : Self.clockNanoseconds
        guard start.nanoseconds(since: began) >= -slack else { return false }
        guard let ended, start > ended else { return true }
        return episode.holders.contains { $0.mark == mark }
    }

    /// Whose it is.
    func owner(of episode: StallEpisode) -> Owner {
        // Loops that were given to watch are this test's.
        guard let pool = episode.report.pool else { return .body }
        guard pool.isOfSwift else {
            let name = episode.report.target
            return name.hasPrefix(Self.bodyPrefix) && name != bodyName ? .other : .body
        }
        // What runs there besides is the test, which waits for the watch.
        if pool.kind == .heldThread, let bodyThread, episode.report.threadIdentifier == bodyThread { return .other }
        let marks = episode.holders.map(\.mark)
        if marks.contains(mark) { return .body }
        if pool.kind == .takenByOthers { return .unknown }
        if !marks.isEmpty, marks.allSatisfy({ $0 != nil }) { return .other }
        // A job that a test runs itself would bear the mark if it were this one.
        let stacks = [episode.report.stack].compactMap { $0 } + episode.report.groups.map(\.stack)
        if readsMarks, !stacks.isEmpty, stacks.allSatisfy(Self.leadsToTest) { return .other }
        return .unknown
    }

    /// For how long the code itself blocked: of one that computed, without the time in which the machine ran something else.
    static func ownNanoseconds(_ report: StallReport) -> Int64 {
        switch report.cause {
        case .cpu, .runqueue, .throttled:
            // A pool all threads of which waited for a processor.
            guard report.kind != .stall || report.pool?.kind == .heldThread || report.pool == nil else { return 0 }
            return report.cpuShare.map { Int64(Double(report.durationNanoseconds) * min(max($0, 0), 1)) }
                ?? report.durationNanoseconds
        case .suspended, .congestion: return 0
        case .syscall, .lock, .starvation, .unknown: return report.durationNanoseconds
        }
    }

    private static func leadsToTest(_ stack: Stack) -> Bool {
        stack.frames.contains { $0.module.hasPrefix("libTesting.") }
    }
}
