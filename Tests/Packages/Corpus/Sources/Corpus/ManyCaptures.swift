// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Loopwatch
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One sleep of a loop under very many captures: more watches than anyone has, each of which reports at each doubling of
/// the lowest threshold there is.
public enum ManyCaptures {
    /// What happened to the sleep.
    public struct Result: Sendable {
        /// Times that the thread's stack was read while it slept.
        public var captures: Int
        /// How long it slept, in milliseconds.
        public var milliseconds: Double
        /// Why other reports had no stack.
        public var omitted: [String]
        /// What was wrong with the call.
        public var failure: String?

        /// A sentence.
        public var text: String {
            "slept \(milliseconds) ms under \(captures) captures\(failure.map { ", disturbed: \($0)" } ?? ""); without: \(omitted)"
        }
    }

    /// Captures that there must be.
    public static let wanted = 60
    /// At 5, 10, 20, 40, 80, 160 ms each reports, so that some may be late or missing.
    private static let watches = 20
    private static let sleepsMost = 8

    /// Runs it; on a thread of the harness.
    ///
    /// - Throws: ``NotPossible``.
    public static func run() throws -> Result {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let reports = (0..<watches).map { _ in ReportCollector() }
        let watches = try reports.map { reports in
            let watch = try Loopwatch.start(reports.configuration(threshold: .milliseconds(5)))
            watch.add(.loop("nio") { work in loop.execute(work) })
            return watch
        }
        defer {
            for watch in watches { watch.stop() }
            try? group.syncShutdownGracefully()
        }
        for watch in watches { try CorpusRun.waitUntilAnswered(watch, targets: 1) }
        var result = Result(captures: 0, milliseconds: 0, omitted: [], failure: nil)
        // Reports that a busy machine makes late become one, so it may take more than one sleep; none may be disturbed.
        for _ in 0..<sleepsMost where result.captures < wanted && result.failure == nil {
            result = try sleep(on: loop, watches, reports)
        }
        return result
    }

    private static func sleep(
        on loop: any EventLoop,
        _ watches: [Loopwatch],
        _ reports: [ReportCollector]
    ) throws -> Result {
        for reports in reports { reports.clear() }
        let before = captured(by: watches)
        let program = UsleepProgram(nanoseconds: 300_000_000)
        let outcome = Mutex<Outcome?>(nil)
        let finished: @Sendable (Outcome) -> Void = { result in outcome.withLock { $0 = result } }
        loop.execute { finished(program.handle()) }
        guard let outcome = eventually(seconds: 20, { outcome.withLock { $0 } }) else {
            throw NotPossible("the program did not end")
        }
        // Nothing is captured once the sleep is over: the loop has gone on.
        let captures = captured(by: watches) - before
        for reports in reports { _ = reports.wait { $0.report.state == .ended } }
        let during = reports.flatMap(\.all).map(\.report).filter { report in
            report.state != .ended && report.unixNanoseconds < outcome.endedUnixNanoseconds
        }
        return Result(
            captures: Int(captures),
            milliseconds: Double(outcome.nanoseconds) / 1e6,
            omitted: Set(during.compactMap(\.stackOmitted)).sorted(),
            failure: outcome.failure ?? (outcome.nanoseconds < 300_000_000 ? "cut short" : nil)
        )
    }

    /// Stacks that were read of threads that slept.
    private static func captured(by watches: [Loopwatch]) -> UInt64 {
        watches.reduce(0) { $0 + $1.snapshot().capture.passive }
    }
}
