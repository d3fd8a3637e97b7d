// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

// A host that is blocked as it is told to, and tells what was reported of that: `detection-host SUBJECT [TARGETS]`. See
// Session for its commands, and Tests/Compare/detection.py for who gives them.

import Glibc
import Loopwatch

let thresholdSeconds = 0.05

func run(_ subject: Subject, targets count: Int) throws {
    var (execute, targets) = subject.make(count: count)
    var watch: Loopwatch?
    if let configuration = subject.configuration(thresholdSeconds: thresholdSeconds) {
        let started = try Loopwatch.start(configuration)
        for target in targets {
            if let problem = started.add(target).problem { Told.line("PROBLEM \(problem)") }
        }
        watch = started
    }
    switch subject {
    case .vertx: execute = Models.watchAsVertx(execute, threshold: thresholdSeconds)
    case .akka: Models.watchAsAkka(execute, threshold: thresholdSeconds)
    case .oracle, .oraclePool:
        execute = Models.watchAsOracle(execute, width: subject.width, threshold: thresholdSeconds)
    case .timer: ownThread(runTimer)
    default: break
    }
    // What is read when a program starts is read, and the loops have gone to sleep.
    usleep(1_500_000)
    if subject == .poolAccounted, let accounting = watch?.snapshot().pools.compactMap({ $0.jobs?.accounting }).first {
        Told.line("ACCOUNTING \(accounting.mode.label) \(accounting.reason ?? "")")
    }
    Told.line("READY")
    let session = Session(execute: execute, width: subject.width)
    while let line = readLine() { session.perform(line) }
    watch?.stop()
}

/// A bare timer of 10 ms: what a watchdog costs that only ticks.
func runTimer() {
    var next = timespec()
    clock_gettime(CLOCK_MONOTONIC, &next)
    while true {
        next.tv_nsec += 10_000_000
        if next.tv_nsec >= 1_000_000_000 {
            next.tv_nsec -= 1_000_000_000
            next.tv_sec += 1
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nil)
    }
}

let arguments = CommandLine.arguments
guard arguments.count > 1, let subject = Subject(rawValue: arguments[1]) else {
    let subjects = Subject.allCases.map(\.rawValue).joined(separator: "|")
    Told.line("usage: detection-host \(subjects) [TARGETS]")
    exit(2)
}
try run(subject, targets: arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1)
