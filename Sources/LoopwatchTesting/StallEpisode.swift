// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Loopwatch
internal import LoopwatchCore

/// All that was reported of one stall.
struct StallEpisode: Sendable {
    /// The latest report, with what earlier ones told and it does not.
    private(set) var report: StallReport
    /// The jobs that held threads, when they were last listed.
    private(set) var holders: [Job]

    /// Begins with the first report.
    init(_ report: StallReport) {
        self.report = report
        holders = report.pool?.holders ?? []
    }

    /// Takes a later report of the same stall.
    mutating func add(_ later: StallReport) {
        let before = report
        report = later
        if report.stack == nil { report.stack = before.stack }
        if report.groups.isEmpty { report.groups = before.groups }
        if let jobs = later.pool?.holders, !jobs.isEmpty { holders = jobs }
    }

    /// Puts reports together by stall, in the order in which they were begun.
    static func episodes(of reports: [StallReport]) -> [StallEpisode] {
        var order: [UInt64] = []
        var episodes: [UInt64: StallEpisode] = [:]
        for report in reports where report.kind == .stall || report.kind == .hold {
            if episodes[report.stall] == nil { order.append(report.stall) }
            episodes[report.stall, default: StallEpisode(report)].add(report)
        }
        return order.compactMap { episodes[$0] }
    }
}
