// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import CAllocationCounter
import CJobCost
import Dispatch
import Glibc
import Loopwatch

// What accounting of Swift's pool costs the host: jobs with and without it, by turns in one process.
//
//   swift run -c release --package-path Tests/Packages/Benchmarks accounting-benchmark [ROUNDS]
//
// Each round runs every workload three times: without, with, and without again, in another order each time. "again" is
// the noise: the ratio of the two that differ in nothing. Time is CPU time of the process, which other processes disturb
// least, but for the threads of Loopwatch itself, and wall time.

/// What is run, and how many operations it is.
struct Workload {
    var name: String
    var operations: Int
    var run: @Sendable (Int) async -> Void
}

actor Tally {
    var value: UInt64 = 0

    /// Long enough that others come meanwhile, and wait.
    func work() {
        for step in 0..<500 { value = value &* 6_364_136_223_846_793_005 &+ UInt64(step) }
    }
}

func yields(tasks: Int) -> Workload {
    Workload(name: "Task.yield, \(tasks) tasks", operations: 120_000) { operations in
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks { group.addTask { for _ in 0..<operations / tasks { await Task.yield() } } }
        }
    }
}

let workloads = [
    yields(tasks: 1), yields(tasks: 2), yields(tasks: 8), yields(tasks: 64),
    Workload(name: "task group, child", operations: 100_000) { operations in
        for _ in 0..<operations / 100 {
            await withTaskGroup(of: Void.self) { group in for _ in 0..<100 { group.addTask {} } }
        }
    },
    Workload(name: "detached task, awaited", operations: 50_000) { operations in
        for _ in 0..<operations { await Task.detached {}.value }
    },
    Workload(name: "actor, contended", operations: 40_000) { operations in
        let actor = Tally()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<operations / 8 {
                        await actor.work()
                        await Task.yield()
                    }
                }
            }
        }
    },
]

func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// CPU time of the process without the threads of Loopwatch, which are counted apart.
func cpuSeconds() -> (host: Double, loopwatch: Double) {
    var own = 0.0
    if let folder = opendir("/proc/self/task") {
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let thread = Int32(name), firstBytes("/proc/self/task/\(name)/comm").hasPrefix("lw-") else {
                continue
            }
            // The clock of a thread: linux/posix-timers.h, CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED.
            own += seconds(clockid_t(bitPattern: UInt32(bitPattern: ~thread) << 3 | 6))
        }
    }
    return (seconds(CLOCK_PROCESS_CPUTIME_ID) - own, own)
}

func firstBytes(_ path: String) -> String {
    let file = open(path, O_RDONLY)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = read(file, &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}

/// Waits on this thread, which is none of the pool's, until the body has ended.
func blocking(_ body: @escaping @Sendable () async -> Void) {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
        await body()
        done.signal()
    }
    done.wait()
}

func startedJobs(_ watch: Loopwatch) -> UInt64 {
    watch.snapshot().pools.lazy.compactMap(\.jobs).first?.counters?.lanes.reduce(0) { $0 + $1.started } ?? 0
}

/// One measurement: nanoseconds of CPU and of time, allocations and jobs, all for one operation.
struct Measurement {
    var cpu, wall, allocations, jobs, loopwatch: Double
}

func measure(_ workload: Workload, isAccounted: Bool) throws -> Measurement {
    var watch: Loopwatch?
    if isAccounted {
        var configuration = WatchConfiguration()
        configuration.endpoint = nil
        configuration.log = [.closure { _, _ in }]
        let started = try Loopwatch.start(configuration)
        let end = seconds(CLOCK_MONOTONIC) + 30
        while started.snapshot().pools.lazy.compactMap(\.jobs).first?.accounting.isSettled != true {
            guard seconds(CLOCK_MONOTONIC) < end else { break }
            usleep(1000)
        }
        watch = started
    }
    defer { watch?.stop() }
    let run = workload.run
    let few = workload.operations / 20
    blocking { await run(few) }
    let jobs = watch.map(startedJobs) ?? 0
    let allocations = allocations_of_host()
    let cpu = cpuSeconds()
    let wall = seconds(CLOCK_MONOTONIC)
    let operations = workload.operations
    blocking { await run(operations) }
    let wallEnd = seconds(CLOCK_MONOTONIC)
    let cpuEnd = cpuSeconds()
    let allocationsEnd = allocations_of_host()
    let count = Double(operations)
    return Measurement(
        cpu: (cpuEnd.host - cpu.host) * 1e9 / count,
        wall: (wallEnd - wall) * 1e9 / count,
        allocations: Double(allocationsEnd - allocations) / count,
        jobs: Double((watch.map(startedJobs) ?? 0) - jobs) / count,
        loopwatch: (cpuEnd.loopwatch - cpu.loopwatch) / (wallEnd - wall)
    )
}

func text(_ value: Double, _ digits: Int = 3) -> String {
    let scale = pow(10.0, Double(digits))
    let scaled = (value.magnitude * scale).rounded()
    guard scaled.isFinite, scaled < 1e15 else { return "\(value)" }
    let whole = "\(value < 0 && scaled > 0 ? "-" : "")\(Int(scaled) / Int(scale))"
    guard digits > 0 else { return whole }
    let fraction = String(Int(scaled) % Int(scale))
    return whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
}

func row(_ cells: [String]) -> String {
    let widths = [24, 6, 8, 8, 8, 8, 8, 8, 8, 9, 9]
    return zip(cells, widths).enumerated().map { index, cell in
        let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
        return index == 0 ? cell.0 + space : space + cell.0
    }.joined(separator: " ")
}

let rounds = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 15
print("\(rounds) rounds; load before: \(firstBytes("/proc/loadavg").split(separator: "\n").first ?? "")")
print("medians; CPU and wall in nanoseconds an operation, ratios to without; added in ns of CPU and allocations a job")
// Another process takes time from some of them: the lowest is what it costs.
let costs = (0..<50).map { _ in job_cost_nanoseconds(200_000) }.sorted()
print(
    "both functions alone, around a runtime that does nothing: \(text(costs[0], 1)) ns a job, median \(text(median(costs), 1))"
)
print(row(["operation", "jobs", "CPU", "with", "again", "wall", "with", "again", "ns/job", "allocs", "again"]))
for workload in workloads {
    var plain: [Measurement] = []
    var accounted: [Measurement] = []
    var again: [Measurement] = []
    for round in 0..<rounds {
        var results: [Int: Measurement] = [:]
        for turn in 0..<3 {
            let arm = (turn + round) % 3
            results[arm] = try measure(workload, isAccounted: arm == 1)
        }
        plain.append(results[0]!)
        accounted.append(results[1]!)
        again.append(results[2]!)
    }
    func ratio(_ arm: [Measurement], _ value: (Measurement) -> Double) -> Double {
        var ratios: [Double] = []
        for (one, other) in zip(arm, plain) { ratios.append(value(one) / value(other)) }
        return median(ratios)
    }
    let jobs = median(accounted.map(\.jobs))
    // Against the mean of both arms without, which differ by noise alone.
    let added = median((0..<rounds).map { accounted[$0].cpu - (plain[$0].cpu + again[$0].cpu) / 2 }) / jobs
    let allocations =
        median((0..<rounds).map { accounted[$0].allocations - plain[$0].allocations })
        / jobs
    let noise = median((0..<rounds).map { again[$0].allocations - plain[$0].allocations }) / jobs
    print(
        row([
            workload.name, text(jobs, 2), text(median(plain.map(\.cpu)), 0), text(ratio(accounted) { $0.cpu }),
            text(ratio(again) { $0.cpu }), text(median(plain.map(\.wall)), 0), text(ratio(accounted) { $0.wall }),
            text(ratio(again) { $0.wall }), text(added, 1), text(allocations, 4), text(noise, 4),
        ])
    )
}
print("load after: \(firstBytes("/proc/loadavg").split(separator: "\n").first ?? "")")
