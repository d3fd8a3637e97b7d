// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// One line of the status table: a target with its numbers as texts.
struct StatusRow {
    /// `loop` or `pool`.
    var subject: String
    /// The target's name.
    var name: String
    /// For how long it has been blocked, in nanoseconds; `nil` if it is not.
    var blockedNanoseconds: Int64?
    /// Cause of the block that goes on, if it is known.
    var cause: String?
    /// The numbers, in the order of ``headings``.
    var cells: [String]

    /// Headings of the numbers.
    static let headings = ["state", "lag mean", "blocked", "longest", "warning", "error", "critical"]

    /// All targets of a snapshot: loops, then pools.
    static func all(of snapshot: WatchSnapshot) -> [StatusRow] {
        snapshot.loops.map {
            StatusRow(
                subject: "loop",
                name: $0.remote.named($0.name),
                statistics: $0.statistics,
                cause: $0.currentCause
            )
        }
            + snapshot.pools.map {
                StatusRow(
                    subject: "pool",
                    name: $0.remote.named($0.name),
                    statistics: $0.statistics,
                    cause: $0.currentCause
                )
            }
    }

    /// Creates a row from a target's counters.
    private init(subject: String, name: String, statistics: StallStatistics, cause: Cause?) {
        self.subject = subject
        self.name = name
        self.blockedNanoseconds = statistics.currentStallNanoseconds
        self.cause = cause?.text
        let lag = statistics.lag
        cells = [
            statistics.currentStallNanoseconds == nil ? "free" : "BLOCKED",
            lag.count == 0 ? "-" : Self.duration(lag.sumNanoseconds / Int64(clamping: lag.count)),
            Self.duration(statistics.blockedNanoseconds),
            Self.duration(statistics.longestNanoseconds),
        ]
        for severity in Severity.allCases {
            cells.append(String(statistics.stallsBySeverity.count(at: severity.rawValue)))
        }
    }

    /// A duration for people: `0`, `42us`, `1.25ms`, `312ms`, `12.5s`, `2h05m`.
    static func duration(_ nanoseconds: Int64) -> String {
        var text: [UInt8] = []
        switch max(0, nanoseconds) {
        case 0: text.append(text: "0")
        case let value where value < 1_000_000:
            text.append(decimal: max(1, value / 1_000))
            text.append(text: "us")
        case let value where value < 10_000_000:
            text.append(fraction: value / 10_000, digits: 2)
            text.append(text: "ms")
        case let value where value < 10_000_000_000:
            text.append(decimal: value / 1_000_000)
            text.append(text: "ms")
        case let value where value < 600_000_000_000:
            text.append(fraction: value / 100_000_000, digits: 1)
            text.append(text: "s")
        case let value:
            let minutes = value / 60_000_000_000
            text.append(decimal: minutes / 60)
            text.append(text: "h")
            text.append(decimal: (minutes % 60).magnitude, width: 2)
            text.append(text: "m")
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// What the status forms share besides the table.
enum StatusText {
    /// Resources that the status links to, each with what it is.
    static let links = [
        ("/metrics", "metrics for Prometheus"), ("/warnings", "latest warnings as JSON"),
        ("/status", "this as JSON"),
        ("/stalls", "stacks by blocked time"), ("/profile?format=svg", "flame graph of blocked time"),
        ("/profile", "folded stacks, also format=pprof, svg or json"),
        ("/debug/pprof/block", "the same for go tool pprof"),
        ("/livez", "is the watchdog alive"), ("/readyz", "is everything that was asked for running"),
    ]

    /// What is said of the targets beyond their numbers, a line each.
    static func remarks(on snapshot: WatchSnapshot) -> [(subject: String, name: String, text: String)] {
        snapshot.loops.compactMap { loop in
            loop.remote.map { ("loop", Optional($0).named(loop.name), $0.summary) }
        }
            + snapshot.pools.compactMap { pool in
                if let remote = pool.remote {
                    return ("pool", Optional(remote).named(pool.name), remote.summary + threads(of: remote))
                }
                return accounting(of: pool).map { ("pool", pool.name, $0) }
            }
    }

    private static func threads(of remote: RemoteTargetSnapshot) -> String {
        guard let threads = remote.threads else { return "" }
        let text = "; \(threads.busy) of \(threads.total) threads busy"
        guard threads.saturatedNanoseconds > 0 else { return text }
        return text + ", all of them for \(StatusRow.duration(threads.saturatedNanoseconds))"
    }

    /// How Swift's pool is accounted, and what it does now; `nil` for any other pool.
    ///
    /// ```
    /// accounted exactly; 2 threads busy, 1 of them held beyond the threshold; 15 jobs waiting, 40 at most
    /// accounted by beats: the metadata of jobs has another layout
    /// ```
    static func accounting(of pool: PoolSnapshot) -> String? {
        guard let jobs = pool.jobs else { return nil }
        let status = jobs.accounting
        var text = status.mode == .exact ? "accounted exactly" : "accounted by \(status.mode.label)"
        if !status.isSettled { text += " as yet" }
        if let reason = status.reason { text += ": \(reason)" }
        guard let counters = jobs.runs else { return text }
        let busy = counters.sum(.pool, \.running)
        text += "; \(busy) \(busy == 1 ? "thread" : "threads") busy, \(jobs.held) of them held beyond the threshold"
        guard status.mode == .exact else { return text }
        let waiting = counters.sum(.pool, \.waiting)
        return text + "; \(waiting) \(waiting == 1 ? "job" : "jobs") waiting, \(jobs.depthMaximum) at most"
    }

    /// The latest warnings that are shown, newest first.
    static func shown(_ reports: [StallReport]) -> some Sequence<StallReport> {
        reports.suffix(reportsMaximum).reversed()
    }

    /// Most warnings that are shown.
    private static let reportsMaximum = 50
}

extension Optional<RemoteTargetSnapshot> {
    /// The name by which people find a target among those of several processes.
    func named(_ name: String) -> String { map { "\($0.process.name)/\(name)" } ?? name }
}
