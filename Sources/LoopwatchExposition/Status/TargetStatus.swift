// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// What the status tells of one target, in whichever form.
struct TargetStatus {
    /// Loop or pool.
    var subject: StallReport.Subject
    /// The target's name.
    var name: String
    /// The process, where that is another one.
    var process: RemoteProcessName?
    /// What was found in the other process, and on what evidence it is watched.
    var remote: String?
    /// Its counters.
    var statistics: StallStatistics
    /// What blocks it now; `nil` if nothing does.
    var block: CurrentBlock?
    /// Jobs that hold a thread of a pool for longer than the threshold now, as far as they were reported.
    var holds: [CurrentBlock] = []
    /// Lag over the last minutes.
    var lag: Histogram
    /// How long these minutes are, in nanoseconds.
    var windowNanoseconds: Int64
    /// The highest lag, or longest block, of these minutes, in nanoseconds.
    var maximumNanoseconds: Int64
    /// The last minutes.
    var history: LagHistory
    /// What is known of a pool's threads and queue.
    var pool = PoolStatus()

    /// What is known of a pool's threads and queue; `nil` where the pool does not tell.
    struct PoolStatus {
        /// Jobs that wait.
        var waiting: Int?
        /// Most jobs that waited at once.
        var waitingMaximum: Int?
        /// Most threads that it may have.
        var threads: Int?
        /// Threads at work.
        var busy: Int?
        /// Threads that are held beyond the threshold.
        var held: Int?
        /// For how long all threads have been at work, in nanoseconds.
        var saturatedNanoseconds: Int64?
        /// How its jobs are accounted.
        var accounting: String?
    }

    /// What is told of a loop.
    init(_ loop: LoopSnapshot, of status: WatchStatus, _ blocks: CurrentBlocks) {
        self.init(
            key: WatchHistory.Key(loop),
            statistics: loop.statistics,
            cause: loop.currentCause,
            remote: loop.remote,
            of: status,
            blocks
        )
    }

    /// What is told of a pool.
    init(_ pool: PoolSnapshot, of status: WatchStatus, _ blocks: CurrentBlocks) {
        let key = WatchHistory.Key(pool)
        self.init(
            key: key,
            statistics: pool.statistics,
            cause: pool.currentCause,
            remote: pool.remote,
            of: status,
            blocks
        )
        self.pool.waiting = pool.depth
        self.pool.threads = pool.size
        if let threads = pool.remote?.threads {
            self.pool.threads = threads.total
            self.pool.busy = threads.busy
            self.pool.saturatedNanoseconds = threads.saturatedNanoseconds
        }
        guard let jobs = pool.jobs else { return }
        self.pool.accounting = jobs.accounting.mode.label
        if jobs.accounting.mode == .exact { self.pool.waitingMaximum = jobs.depthMaximum }
        guard let counters = jobs.runs else { return }
        self.pool.busy = counters.sum(.pool, \.running)
        self.pool.held = jobs.held
        guard jobs.held > 0 else { return }
        holds = blocks.reports(of: key, kind: .hold).map { report in
            CurrentBlock(
                nanoseconds: max(0, status.snapshot.unixNanoseconds - report.beganUnixNanoseconds),
                sinceUnixNanoseconds: report.beganUnixNanoseconds,
                cause: report.cause.text,
                report: report,
                isHold: true
            )
        }
    }

    private init(
        key: WatchHistory.Key,
        statistics: StallStatistics,
        cause: Cause?,
        remote: RemoteTargetSnapshot?,
        of status: WatchStatus,
        _ blocks: CurrentBlocks
    ) {
        subject = key.subject
        name = key.name
        process = key.process
        self.remote = remote?.summary
        self.statistics = statistics
        history = status.history.history(of: key, at: status.now)
        (lag, windowNanoseconds) = history.window(statistics, at: status.now)
        let recorded = history.points(last: Limits.historyPoints).filter { !$0.isMissing }
            .map { Int64($0.maximumMicroseconds) * 1_000 }.max()
        let interval = LagPeaks.interval(of: status.now)
        maximumNanoseconds = max(
            recorded ?? 0,
            statistics.lagPeaks.nanoseconds(ofInterval: interval),
            statistics.lagPeaks.nanoseconds(ofInterval: interval - 1),
            statistics.currentStallNanoseconds ?? 0
        )
        guard let current = statistics.currentStallNanoseconds else { return }
        let report = blocks.reports(of: key, kind: .stall).first
        block = CurrentBlock(
            nanoseconds: current,
            sinceUnixNanoseconds: status.snapshot.unixNanoseconds - current,
            cause: (cause ?? report?.cause)?.text,
            report: report
        )
    }

    /// A quantile of the lag over the last minutes, in nanoseconds; `nil` where nothing was measured.
    func quantile(_ share: Double) -> Int64? {
        // Where only buckets are known, the highest observation is not.
        lag.quantile(share, maximumNanoseconds: maximumNanoseconds > 0 ? maximumNanoseconds : .max)
    }

    /// What blocks it, and what holds its threads.
    var blocks: [CurrentBlock] { (block.map { [$0] } ?? []) + holds }
}
