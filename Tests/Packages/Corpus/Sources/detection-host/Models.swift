// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

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

    private static func report(at: Double, state: String, seconds: Double) {
        let whole = (seconds * 1000).rounded(.down) / 1000
        Told.line(
            #"REPORT {"at":\#(Told.text(at)),"state":"\#(state)","kind":"stall","duration":\#(Told.text(whole))}"#
        )
    }
}
