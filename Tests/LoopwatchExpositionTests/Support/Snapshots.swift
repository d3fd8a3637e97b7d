// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Snapshots and reports that tests write.
enum Snapshots {
    /// The moment of the snapshots: 2026-11-22T19:34:49.924Z.
    static let now: Int64 = 1_795_376_089_924_000_000

    /// Nothing is registered, nothing optional is known.
    static func empty(process: String = "api") -> WatchSnapshot {
        WatchSnapshot(
            process: process,
            unixNanoseconds: now,
            loops: [],
            pools: [],
            loopsLimit: 64,
            poolsLimit: 16,
            loopsRejected: 0,
            poolsRejected: 0,
            watchdog: WatchdogSnapshot(),
            reporting: ReportingSnapshot(),
            http: nil,
            host: HostSnapshot(),
            components: [],
            build: BuildInformation(version: "0.1.0", swiftVersion: "6.3")
        )
    }

    /// The same with a loop and a pool of another process, and that process, so that every family has a row.
    static func complete() -> WatchSnapshot {
        var snapshot = rich()
        let remote = RemoteTargetSnapshot(
            process: RemoteProcessName(name: "uvicorn", identifier: 100),
            summary: "40 threads of AnyIO",
            threads: RemoteTargetSnapshot.RemoteThreads(total: 40, busy: 38, saturatedNanoseconds: 0)
        )
        snapshot.loops.append(LoopSnapshot(name: "uvloop", statistics: fresh(), remote: remote))
        snapshot.pools.append(
            PoolSnapshot(name: "anyio", statistics: fresh(), depth: nil, size: 40, remote: remote)
        )
        var process = RemoteProcessSnapshot(process: remote.process)
        for nanoseconds in [40_000, 60_000, 510_000] as [Int64] { process.stackStops.observe(nanoseconds: nanoseconds) }
        process.waitStops.observe(nanoseconds: 200_000_000)
        process.callsRestarted = 2
        process.callsInterrupted = 1
        process.suspensions = 4
        process.lookNanoseconds = 18_000_000
        process.suspendedNanoseconds = 3_500_000_000
        snapshot.processes = [process]
        return snapshot
    }

    /// A blocked loop, a fresh one, a pool that tells its depth and one that does not, and everything known.
    static func rich() -> WatchSnapshot {
        var snapshot = empty()
        snapshot.loops = [
            LoopSnapshot(name: "main", statistics: blocked(), currentCause: .syscall("clock_nanosleep")),
            LoopSnapshot(name: "http-0", statistics: fresh()),
        ]
        snapshot.pools = [
            PoolSnapshot(
                name: "default",
                statistics: blocked(),
                depth: 3,
                size: 8,
                currentCause: .starvation,
                jobs: accounted()
            ),
            PoolSnapshot(name: "files", statistics: fresh(), depth: nil, size: nil),
        ]
        snapshot.loopsRejected = 2
        snapshot.poolsRejected = 1
        snapshot.watchdog.wakeups = 72_000
        snapshot.watchdog.missedWakeups = 2
        snapshot.watchdog.wakeupDelay.observe(nanoseconds: 60_000)
        snapshot.watchdog.cpuNanoseconds = 1_820_000_000
        snapshot.watchdog.lookNanoseconds = 17_500_000
        snapshot.watchdog.suspensions = 1
        snapshot.watchdog.suspendedNanoseconds = 2_500_000_000
        snapshot.watchdog.starvations = 3
        snapshot.watchdog.starvedNanoseconds = 45_000_001
        snapshot.reporting.warningsBySeverity = [7, 2, 1]
        snapshot.reporting.suppressed = 3
        snapshot.reporting.droppedSlowClient = 4
        snapshot.capture.passive = 40
        snapshot.capture.signalled = 7
        snapshot.capture.discarded = [2, 1, 5]
        snapshot.capture.omitted = [0, 3, 1, 0, 0, 1, 2]
        snapshot.capture.symbolizingNanoseconds = 18_500_000
        snapshot.capture.profileStacks = 12
        snapshot.capture.profileEvicted = 5
        snapshot.http = HTTPSnapshot(
            requests: [
                .init(handler: "metrics", code: 200, count: 240), .init(handler: "other", code: 404, count: 1),
            ],
            connections: 2,
            rejected: [("limit", 0), ("timeout", 1)]
        )
        snapshot.host.cpuNanoseconds = 4_310_000_000
        snapshot.host.openDescriptors = 11
        snapshot.host.descriptorsLimit = 1_024
        snapshot.host.virtualMemoryBytes = 231_735_296
        snapshot.host.residentMemoryBytes = 18_874_368
        snapshot.host.startUnixSeconds = 1_795_369_999.87
        snapshot.host.threads = 6
        snapshot.components = [.init(name: "http", isUp: true), .init(name: "log", isUp: false)]
        return snapshot
    }

    /// Many targets, each with something in every counter.
    static func large(loops: Int, pools: Int) -> WatchSnapshot {
        var snapshot = rich()
        snapshot.loops = (0..<loops).map { LoopSnapshot(name: "loop-\($0)", statistics: blocked(lags: $0)) }
        snapshot.pools = (0..<pools).map {
            PoolSnapshot(name: "pool-\($0)", statistics: blocked(lags: $0), depth: $0, size: 8)
        }
        if !snapshot.pools.isEmpty { snapshot.pools[0].jobs = accounted() }
        return snapshot
    }

    /// What accounting tells of Swift's global executor: jobs of two priorities and of the main actor, one thread held.
    static func accounted() -> JobPoolSnapshot {
        var counters = JobCountersReading(
            lanes: JobLane.allCases.map { _ in JobCountersReading.Lane() },
            waits: JobGroup.allCases.map { _ in Histogram(edges: .lag) },
            runs: JobGroup.allCases.map { _ in Histogram(edges: .lag) },
            kinds: [900, 80, 20, 5],
            unstamped: 4,
            untracked: 2
        )
        counters.lanes[JobLane.medium.rawValue] = JobCountersReading.Lane(
            enqueued: 1_003,
            started: 1_000,
            waitNanoseconds: 2_000_000_000,
            queuedNanoseconds: 2_500_000_000,
            runNanoseconds: 30_000_000_000,
            busyNanoseconds: 30_250_000_000,
            running: 2,
            depthMaximum: 40
        )
        counters.lanes[JobLane.high.rawValue] = JobCountersReading.Lane(
            enqueued: 5,
            started: 5,
            waitNanoseconds: 1_000,
            queuedNanoseconds: 1_000,
            runNanoseconds: 5_000,
            busyNanoseconds: 7_000,
            running: 1,
            depthMaximum: 1
        )
        counters.lanes[JobLane.main.rawValue] = JobCountersReading.Lane(enqueued: 77, started: 70, running: 1)
        for nanoseconds in [40_000, 2_000_000, 250_000_000] as [Int64] {
            counters.runs[JobGroup.pool.rawValue].observe(nanoseconds: nanoseconds)
            counters.runs[JobGroup.main.rawValue].observe(nanoseconds: 1)
        }
        var holds = blocked(lags: 0)
        holds.congestions = 0
        return JobPoolSnapshot(
            accounting: PoolAccountingStatus(mode: .exact),
            counters: counters,
            holds: holds,
            held: 1,
            depthMaximum: 41,
            lost: 3
        )
    }

    /// Counters of a target that was registered just now.
    static func fresh() -> StallStatistics {
        var statistics = StallStatistics()
        statistics.thresholdsNanoseconds = [100_000_000, 1_000_000_000, 5_000_000_000]
        return statistics
    }

    /// Counters of a target that has been blocked often and is so now.
    static func blocked(lags: Int = 20) -> StallStatistics {
        var statistics = fresh()
        for index in 0..<lags { statistics.lag.observe(nanoseconds: 40_000 << index) }
        for (warning, nanoseconds) in [(118, 1_532_000_000), (119, 250_000_000), (120, 61_000_000_000)] {
            let exemplar = Histogram.Exemplar(
                warning: UInt64(warning),
                nanoseconds: Int64(nanoseconds),
                unixNanoseconds: now
            )
            statistics.lag.observe(nanoseconds: Int64(nanoseconds), exemplar: exemplar)
            statistics.stallDuration.observe(nanoseconds: Int64(nanoseconds), exemplar: exemplar)
        }
        statistics.finishedStallNanoseconds = 62_782_000_000
        statistics.stallsBySeverity = [1, 1, 1]
        statistics.stallsByCause = [1, 2, 0, 0, 0, 0, 0]
        statistics.stallNanosecondsByCause = [1_532_000_000, 61_250_000_000, 0, 0, 0, 0, 0]
        statistics.longestFinishedNanoseconds = 61_000_000_000
        statistics.latestStallBeganUnixNanoseconds = now - 1_250_000_000
        statistics.currentStallNanoseconds = 1_250_000_000
        statistics.certainStallNanoseconds = 1_250_000_000
        statistics.congestions = 5
        statistics.congestedNanoseconds = 750_000_000
        statistics.heartbeatAgeNanoseconds = 1_251_000_000
        statistics.beats = 36_000
        statistics.beatsSkipped = 118
        statistics.parkChecks = 1_000_000
        return statistics
    }

    /// The report of the README.
    static func report() -> StallReport {
        StallReport(
            sequence: 118,
            stall: 42,
            state: .ended,
            kind: .stall,
            subject: .loop,
            target: "http-0",
            severity: .warning,
            durationNanoseconds: 312_400_000,
            beganUnixNanoseconds: 1_795_374_000_811_000_000,
            unixNanoseconds: 1_795_374_001_123_456_789,
            cause: .syscall("clock_nanosleep"),
            cpuShare: 0.0129
        )
    }

    /// Names that try to break out of where they are written.
    static let hostileNames = [
        "", " ", "\"", "\\", "\\n", "\n", "a\nb", "\r\n", "\t", "\0", "# EOF", "\n# EOF\n", "\"} 1 # {", "a=b", "{}",
        ",",
        "le=\"1\"", "\u{1B}[31m", "\u{7F}", "\u{85}", "\u{9B}", "\u{2028}", "\u{2029}", "\u{202E}", "\u{2066}",
        "\u{FEFF}",
        "\u{10FFFF}", "e\u{301}", "🧵", "<script>alert(1)</script>", "&lt;", "'", "</pre><h1>", "\\\"", "trailing\\",
        "%s%n",
    ]
}
