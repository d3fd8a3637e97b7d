// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import CEpollLoop
import Dispatch
import EpollLoops
import Glibc
import Loopwatch
import Synchronization

// What the detector finds and what it costs, measured on real loops.
//
//   detection-benchmark blocks sleep|cpu epoll|queue COUNT THRESHOLD_MS   blocks of known length; found, early, exact
//   detection-benchmark many sleep|cpu LOOPS COUNT                        COUNT times all loops block at the same moment
//   detection-benchmark long SECONDS                                      reports for one long block
//   detection-benchmark flood epoll|queue sleep|cpu                       300 jobs of 1 ms at once
//   detection-benchmark idle COUNT SECONDS epoll|queue [whole]            CPU of the process with idle targets; with
//                                                                         "whole", endpoint and global executor too
//   detection-benchmark timer SECONDS                                     CPU of a bare 10 ms timer

epoll_loop_line_buffered_output()
let arguments = CommandLine.arguments
func argument(_ index: Int, _ fallback: String) -> String { arguments.count > index ? arguments[index] : fallback }
func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
func now() -> Double { seconds(CLOCK_MONOTONIC) }

/// Blocks the calling thread.
@inline(never) func block(_ kind: String, seconds length: Double) {
    if kind != "cpu" {
        usleep(UInt32(length * 1e6))
    } else {
        let end = now() + length
        while now() < end {}
    }
}

/// A loop to be watched: how to run something on it, and its target.
struct Subject {
    var execute: @Sendable (@escaping @Sendable () -> Void) -> Void
    var target: WatchTarget
    var cpuNanoseconds: @Sendable () -> Int64
}

func subject(_ kind: String, _ name: String) -> Subject {
    switch kind {
    case "queue":
        let queue = DispatchQueue(label: name)
        return Subject(
            execute: { queue.async(execute: $0) },
            target: .queue(name, queue),
            cpuNanoseconds: { 0 }
        )
    default:
        let loop = EpollLoop()
        return Subject(
            execute: { loop.execute($0) },
            target: .loop(name) { loop.execute($0) },
            cpuNanoseconds: { loop.cpuNanoseconds() }
        )
    }
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }

/// Whether a report names code of the benchmark, and why not.
func reason(_ report: StallReport) -> String {
    guard let stack = report.stack else { return "without code: \(report.stackOmitted ?? "no reason")" }
    return stack.frames.contains { $0.origin == .host } ? "name the code" : "name other code"
}

/// What was reported, and when it arrived.
let received = Mutex<[(report: StallReport, at: Double)]>([])

func start(thresholdMilliseconds: Int, isWhole: Bool = false) throws -> Loopwatch {
    var configuration = WatchConfiguration()
    configuration.thresholds = Thresholds(warning: .milliseconds(thresholdMilliseconds))
    configuration.endpoint = isWhole ? .tcp(host: "127.0.0.1", port: 0) : nil
    configuration.watchesGlobalExecutor = isWhole
    configuration.loopsLimit = 1_000
    configuration.reportBurst = 100_000
    configuration.log = [.closure { report, _ in received.withLock { $0.append((report, now())) } }]
    return try Loopwatch.start(configuration)
}

switch argument(1, "") {
case "blocks":
    let kind = argument(2, "sleep")
    let count = Int(argument(4, "200"))!
    let threshold = Int(argument(5, "50"))!
    let watch = try start(thresholdMilliseconds: threshold)
    let loop = subject(argument(3, "epoll"), "loop")
    watch.add(loop.target)
    // Symbols are read a second after the start.
    usleep(2_500_000)
    var generator = SystemRandomNumberGenerator()
    var found = 0
    var errors: [Double] = []
    var early: [Double] = []
    var why: [String: Int] = [:]
    for _ in 0..<count {
        received.withLock { $0 = [] }
        let length = Double(threshold) / 1e3 * Double.random(in: 1.3...3, using: &generator)
        let span = Mutex((0.0, 0.0))
        let done = DispatchSemaphore(value: 0)
        usleep(UInt32.random(in: 20_000...150_000, using: &generator))
        loop.execute {
            let began = now()
            block(kind, seconds: length)
            let ended = now()
            span.withLock { $0 = (began, ended) }
            done.signal()
        }
        done.wait()
        // A report may wait for the names of its code.
        for _ in 0..<50 where !received.withLock({ $0.contains { $0.report.state == .ended } }) { usleep(10_000) }
        usleep(60_000)
        let (began, ended) = span.withLock { $0 }
        let reports = received.withLock { $0 }
        let endings = reports.filter { $0.report.state == .ended && $0.report.kind == .stall }
        if endings.count == 1 {
            found += 1
            errors.append(Double(endings[0].report.durationNanoseconds) / 1e6 - (ended - began) * 1e3)
        } else {
            print("missed or doubled: \(endings.count) endings of a block of \((ended - began) * 1e3) ms")
        }
        if let first = reports.first(where: { $0.report.state == .begun }) {
            early.append((first.at - began) * 1e3 - Double(threshold))
            why[reason(first.report), default: 0] += 1
        }
    }
    let sorted = early.sorted()
    print(
        """
        blocks \(kind) on \(argument(3, "epoll")), threshold \(threshold) ms: found \(found) of \(count)
          error of the duration: mean \(mean(errors)) ms, worst \(errors.map(abs).max() ?? 0) ms
          begun report after the threshold: \(early.count) of \(count), mean \(mean(early)) ms, \
        p95 \(sorted.isEmpty ? 0 : sorted[sorted.count * 95 / 100]) ms, worst \(sorted.last ?? 0) ms, \
        earliest \(sorted.first ?? 0) ms
        """
    )
    for (what, count) in why { print("  \(count) \(what)") }
    watch.stop()
case "many":
    let kind = argument(2, "cpu")
    let loopCount = Int(argument(3, "8"))!
    let count = Int(argument(4, "20"))!
    let watch = try start(thresholdMilliseconds: 50)
    let loops = (0..<loopCount).map { subject("epoll", "loop-\($0)") }
    for loop in loops { watch.add(loop.target) }
    usleep(2_500_000)
    var early: [Double] = []
    var why: [String: Int] = [:]
    for _ in 0..<count {
        received.withLock { $0 = [] }
        let spans = Mutex([String: Double]())
        let done = DispatchSemaphore(value: 0)
        usleep(UInt32.random(in: 100_000...200_000))
        for (index, loop) in loops.enumerated() {
            loop.execute {
                let began = now()
                block(kind, seconds: 0.15)
                spans.withLock { $0["loop-\(index)"] = began }
                done.signal()
            }
        }
        for _ in loops { done.wait() }
        usleep(100_000)
        for (report, at) in received.withLock({ $0 }) where report.state == .begun && report.kind == .stall {
            guard let began = spans.withLock({ $0[report.target] }) else { continue }
            early.append((at - began) * 1e3 - 50)
            why[reason(report), default: 0] += 1
        }
    }
    let sorted = early.sorted()
    print(
        """
        \(loopCount) loops blocked by \(kind) at once, \(count) times: \(early.count) begun reports, after the threshold: \
        mean \(mean(early)) ms, p95 \(sorted.isEmpty ? 0 : sorted[sorted.count * 95 / 100]) ms, \
        worst \(sorted.last ?? 0) ms
        """
    )
    for (what, count) in why { print("  \(count) \(what)") }
    watch.stop()
case "long":
    let length = Double(argument(2, "3"))!
    let watch = try start(thresholdMilliseconds: 50)
    let loop = subject("epoll", "loop")
    watch.add(loop.target)
    usleep(300_000)
    let began = Mutex(0.0)
    loop.execute {
        began.withLock { $0 = now() }
        block("sleep", seconds: length)
    }
    usleep(UInt32(length * 1e6) + 300_000)
    for (report, at) in received.withLock({ $0 }) {
        let after = (at - began.withLock { $0 }) * 1e3
        print(
            "after \(after) ms: \(report.state) \(Double(report.durationNanoseconds) / 1e6) ms cause=\(report.cause.text)"
        )
    }
    watch.stop()
case "flood":
    let watch = try start(thresholdMilliseconds: 100)
    let loop = subject(argument(2, "epoll"), "loop")
    let kind = argument(3, "sleep")
    watch.add(loop.target)
    usleep(500_000)
    for _ in 0..<400 { loop.execute { block(kind, seconds: 0.001) } }
    usleep(1_500_000)
    for (report, _) in received.withLock({ $0 }) {
        print(
            "\(report.kind) \(report.state) \(Double(report.durationNanoseconds) / 1e6) ms cause=\(report.cause.text)"
        )
    }
    watch.stop()
case "idle":
    let count = Int(argument(2, "10"))!
    let length = UInt32(argument(3, "60"))!
    let watch = try start(thresholdMilliseconds: 50, isWhole: argument(5, "") == "whole")
    let loops = (0..<count).map { subject(argument(4, "epoll"), "loop-\($0)") }
    for loop in loops { watch.add(loop.target) }
    sleep(2)
    let before = seconds(CLOCK_PROCESS_CPUTIME_ID)
    let loopsBefore = loops.map { $0.cpuNanoseconds() }.reduce(0, +)
    let beatsBefore = watch.snapshot().loops.map { $0.statistics.beats }.reduce(0, +)
    sleep(length)
    let used = seconds(CLOCK_PROCESS_CPUTIME_ID) - before
    let loopsUsed = loops.map { $0.cpuNanoseconds() }.reduce(0, +) - loopsBefore
    let beats = watch.snapshot().loops.map { $0.statistics.beats }.reduce(0, +) - beatsBefore
    print(
        "\(count) idle targets: \(used / Double(length) * 100) % of a core; the loops themselves \(Double(loopsUsed) / 1e3) us,"
            + " \(beats) beats in \(length) s; reports \(received.withLock { $0.count })"
    )
    for pool in watch.snapshot().pools {
        print("pool \(pool.name): \(pool.statistics.beats) beats, \(pool.statistics.parkChecks) proofs")
    }
    for (report, _) in received.withLock({ $0 }) {
        let milliseconds = Double(report.durationNanoseconds) / 1e6
        print("\(report.kind) \(report.target) \(report.state) \(milliseconds) ms \(report.cause.text)")
    }
    watch.stop()
case "timer":
    let length = Double(argument(2, "60"))!
    let end = now() + length
    let before = seconds(CLOCK_PROCESS_CPUTIME_ID)
    var next = timespec()
    clock_gettime(CLOCK_MONOTONIC, &next)
    while now() < end {
        next.tv_nsec += 10_000_000
        if next.tv_nsec >= 1_000_000_000 {
            next.tv_nsec -= 1_000_000_000
            next.tv_sec += 1
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nil)
    }
    print("bare 10 ms timer: \((seconds(CLOCK_PROCESS_CPUTIME_ID) - before) / length * 100) % of a core")
default:
    print("usage: detection-benchmark blocks|many|long|flood|idle|timer ...")
}
