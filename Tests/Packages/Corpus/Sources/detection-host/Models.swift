// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import CCorpus
internal import Dispatch
internal import Glibc
internal import Synchronization

/// What other tools do whose runtimes do not run here, step for step.
///
/// They watch a NIO event loop, so no interpreter is in their way. Their checks come as often for this threshold as by
/// default for theirs.
enum Models {
    /// Vert.x: `vertx-core/src/main/java/io/vertx/core/impl/BlockedThreadChecker.java` in eclipse-vertx/vert.x.
    ///
    /// Each task notes when it began; a timer (java.util.Timer, fixed delay) looks at that, and logs each time that the
    /// limit is reached: "Thread ... has been blocked for N ms", whole milliseconds. By default the limit is 2 s and the
    /// check comes each second, which is half of it; both are options (maxEventLoopExecuteTime,
    /// blockedThreadCheckInterval).
    static func watchAsVertx(_ execute: @escaping Subject.Execute, threshold: Double) -> Subject.Execute {
        final class Start: Sendable {
            let nanoseconds = Atomic<Int64>(0)
        }
        let start = Start()
        ownThread {
            while true {
                usleep(UInt32(threshold / 2 * 1e6))
                let began = start.nanoseconds.load(ordering: .acquiring)
                let now = Told.now
                let blocked = now - Double(began) / 1e9
                if began != 0, blocked >= threshold { report(at: now, state: "during", seconds: blocked) }
            }
        }
        return { work in
            execute {
                start.nanoseconds.store(Int64(Told.now * 1e9), ordering: .releasing)
                work()
                start.nanoseconds.store(0, ordering: .releasing)
            }
        }
    }

    /// Akka: `akka-diagnostics/src/main/scala/akka/diagnostics/StarvationDetector.scala` in akka/akka-diagnostics.
    ///
    /// A thread submits a check and waits for it: up to the threshold, then until it has run, and logs only then how long
    /// that took; then it sleeps for the interval, give or take a little. After a warning there is none for ten intervals.
    /// By default the threshold is 100 ms, the interval 1 s, the time between warnings 10 s; all are settings
    /// (max-delay-warning-threshold, check-interval, warning-interval). Its initial delay is left out.
    static func watchAsAkka(_ execute: @escaping Subject.Execute, threshold: Double) {
        let interval = threshold * 10
        ownThread {
            var nextWarning = 0.0
            while true {
                let began = Told.now
                let latch = DispatchSemaphore(value: 0)
                execute { latch.signal() }
                if latch.wait(timeout: .now() + threshold) == .timedOut {
                    latch.wait()
                    let ended = Told.now
                    if ended > nextWarning {
                        report(at: ended, state: "after", seconds: ended - began)
                        nextWarning = ended + interval * 10
                    }
                }
                usleep(UInt32((interval + interval / 100 * Double.random(in: -0.5...0.5)) * 1e6))
            }
        }
    }

    /// A thread that is told when a block begins, sleeps until the threshold, and does nothing else: no tool can be sooner than
    /// that on this machine, and none knows as much.
    ///
    /// - Parameters:
    ///   - execute: runs a job; so many at once are a block.
    ///   - width: how many that is.
    ///   - threshold: in seconds.
    static func watchAsOracle(_ execute: @escaping Subject.Execute, width: Int, threshold: Double) -> Subject.Execute {
        let running = Mutex(0)
        // What of it began when, to tell one block from the next.
        let began = Atomic<UInt64>(0)
        let begins = DispatchSemaphore(value: 0)
        ownThread {
            corpus_request_slice(100_000)
            var latest: UInt64 = 0
            while true {
                begins.wait()
                let block = began.load(ordering: .acquiring)
                guard block != 0, block != latest else { continue }
                latest = block
                var due = timespec()
                due.tv_sec = Int((block + UInt64(threshold * 1e9)) / 1_000_000_000)
                due.tv_nsec = Int((block + UInt64(threshold * 1e9)) % 1_000_000_000)
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nil)
                guard began.load(ordering: .acquiring) == block else { continue }
                Told.line(#"REPORT {"at":\#(Told.text(Told.now)),"state":"during","kind":"stall"}"#)
            }
        }
        return { work in
            execute {
                let isBlocked = running.withLock { running in
                    running += 1
                    return running == width
                }
                if isBlocked {
                    began.store(UInt64(Told.now * 1e9), ordering: .releasing)
                    begins.signal()
                }
                work()
                running.withLock { $0 -= 1 }
                began.store(0, ordering: .releasing)
            }
        }
    }

    private static func report(at: Double, state: String, seconds: Double) {
        let whole = (seconds * 1000).rounded(.down) / 1000
        Told.line(
            #"REPORT {"at":\#(Told.text(at)),"state":"\#(state)","kind":"stall","duration":\#(Told.text(whole))}"#
        )
    }
}
