// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CLoopwatchRuntime
internal import Glibc
internal import Loopwatch

/// What the hosts can do.
///
///     accounting-host observe off|exact|runs|cycles    all constructs; prints what was observed, line by line
///     accounting-host load JOBS off|exact|cycles       a mixed load of at least so many jobs; prints what became of them
///     accounting-host count JOBS off|exact             yields, and tasks that are made and awaited, for tools that count
public enum AccountingCommand {
    /// Runs a command; returns the exit status.
    public static func run(_ arguments: [String]) -> Int32 {
        do {
            let mode = arguments.last ?? ""
            switch arguments.first {
            case "observe" where arguments.count == 2: try observe(mode)
            case "load" where arguments.count == 3: try load(Int(arguments[1]) ?? 0, mode)
            case "count" where arguments.count == 3: try count(Int(arguments[1]) ?? 0, mode)
            default:
                print("usage: observe off|exact|runs|cycles; load JOBS off|exact|cycles; count JOBS off|exact")
                return 2
            }
            return 0
        } catch {
            print("FAILED: \(error)")
            return 1
        }
    }

    /// What is observed, part by part.
    static let parts: [(name: String, observe: @Sendable (Observations) -> Void)] = [
        ("order", observeOrder), ("priorities", observePriorities), ("escalation", observeEscalation),
        ("width", observeWidth), ("cancellation", observeCancellation), ("sleeps", observeSleeps),
        ("actors", observeActors), ("executors", observeExecutors), ("tasks", observeTasks),
        ("groups", observeGroups), ("streams", observeStreams),
    ]

    private static func observe(_ mode: String) throws {
        let observations = Observations()
        try withWatch(mode) {
            for part in parts { part.observe(observations) }
        }
        print(observations.text)
    }

    private static func withWatch(_ mode: String, _ body: () -> Void) throws {
        switch mode {
        case "off": body()
        case "cycles":
            let cycles = WatchCycles(.exact)
            body()
            print("# watches that accounted: \(cycles.stop())")
        default:
            let watch = try AccountedWatch(PoolAccounting(rawValue: mode) ?? .off)
            body()
            let status = watch.status
            watch.stop()
            guard status?.mode.rawValue == mode else {
                throw AccountedWatch.NotAccounted(reason: "at the end: \(status.map { "\($0)" } ?? "no pool")")
            }
            print("# accounted: \(mode)")
        }
    }

    // MARK: Load

    private static func load(_ jobs: Int, _ mode: String) throws {
        let load = Load()
        let steps = min(800, max(50, jobs / 150))
        switch mode {
        case "exact":
            let watch = try AccountedWatch(.exact)
            // Once round, so that threads and memory are there that it takes without any accounting.
            load.round(steps: 50)
            let memory = residentBytes()
            let began = ContinuousClock.now
            while started(watch) < jobs { load.round(steps: steps) }
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            let isAtRest = eventually(within: 60) { restProblem(watch) == nil }
            // Timers of sleeps that were cancelled fire when they would have.
            _ = eventually(within: 0.2) { false }
            guard let counters = watch.counters else { throw AccountedWatch.NotAccounted(reason: "no counters") }
            for lane in JobLane.allCases {
                let counted = counters.lanes[lane.rawValue]
                print(
                    "lane \(lane.label): enqueued \(counted.enqueued) started \(counted.started) running \(counted.running)"
                )
            }
            print("at rest: \(isAtRest) \(restProblem(watch) ?? "")")
            print("jobs: \(started(watch)) kinds \(counters.kinds)")
            print("unstamped: \(counters.unstamped) sleeps \(load.sleeps.value) untracked \(counters.untracked)")
            print("slots: \(AccountedWatch.slots)")
            print("seconds: \(seconds)")
            print("resident: \(memory) \(residentBytes())")
            watch.stop()
        case "cycles":
            let cycles = WatchCycles(.exact)
            // Nobody counts all jobs here: bodies are counted, of which each takes about one.
            while load.ran.value < jobs { load.round(steps: steps) }
            print("cycles: \(cycles.stop())")
        default:
            while load.ran.value < jobs { load.round(steps: steps) }
        }
        print("bodies: made \(load.made.value) ran \(load.ran.value)")
        print("calls: made \(load.callsThatWereMade) ran \(load.callsThatRan())")
    }

    private static func started(_ watch: AccountedWatch) -> Int {
        Int(watch.counters?.lanes.reduce(0) { $0 + $1.started } ?? 0)
    }

    /// What is not at rest: a lane in which jobs wait, or run.
    private static func restProblem(_ watch: AccountedWatch) -> String? {
        guard let counters = watch.counters else { return "no counters" }
        for lane in JobLane.allCases {
            let counted = counters.lanes[lane.rawValue]
            if counted.enqueued != counted.started { return "\(lane.label): \(counted.enqueued) != \(counted.started)" }
            if counted.running != 0 { return "\(lane.label): \(counted.running) run" }
        }
        return nil
    }

    private static func residentBytes() -> Int {
        let fields = firstLine(of: "/proc/self/statm").split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
    }

    // MARK: Few jobs

    private static func count(_ jobs: Int, _ mode: String) throws {
        let watch = mode == "exact" ? try AccountedWatch(.exact) : nil
        HarnessThread.pool {
            // A yield takes two jobs, and a task that is made and awaited as well.
            for _ in 0..<jobs / 4 { await Task.yield() }
            for _ in 0..<jobs / 4 { await Task.detached {}.value }
        }
        if let watch {
            _ = eventually(within: 10) { restProblem(watch) == nil }
            print("jobs: \(started(watch) + Int(watch.counters?.unstamped ?? 0))")
            watch.stop()
        }
    }
}
