// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import LoopwatchPlatform

/// The command `loopwatch demo`: runs the demo until a signal comes or the time is up.
struct DemoCommand {
    private let configuration: DemoConfiguration
    private let seconds: Int?
    private let output: Console

    /// How long to wait for the last warning at the end, in nanoseconds.
    private static let settlingNanoseconds: Int64 = 300_000_000

    /// Creates a demo that does not run yet.
    ///
    /// - Parameters:
    ///   - configuration: how it is watched.
    ///   - seconds: after how many seconds it ends; `nil` for never.
    ///   - output: where it says what it does, and what the watch says.
    init(configuration: DemoConfiguration, seconds: Int?, output: Console) {
        self.configuration = configuration
        self.seconds = seconds
        self.output = output
    }

    /// Runs the demo, prints what it does and what the watch says of it, and returns once everything has stopped.
    ///
    /// - Throws: ``CommandError`` when a part that the demo cannot do without cannot be had.
    func run() throws(CommandError) {
        let signals = TerminationSignals()
        let started = Clock.now()
        let output = output
        output.onClose { TerminationSignals.raise() }
        let watch = try startWatch { _, line in output.line(line) }
        let demo: Demo
        do {
            demo = try Demo(lengths: BlockLengths(threshold: configuration.watch.thresholds.warning)) { text in
                output.line("demo: \(text)")
            }
        } catch {
            watch.stop()
            throw .unavailable("the demo's server is not started: \(error).")
        }
        for line in DemoGreeting.lines(endpoint: watch.endpointAddress, ports: demo.ports) { output.write(line + "\n") }
        do {
            try demo.start(watch, drainsGlobalExecutor: configuration.watch.watchesGlobalExecutor)
        } catch {
            demo.stop()
            watch.stop()
            throw .unavailable("the demo's server is not started: \(error).")
        }
        signals.wait(until: seconds.map { started.advanced(byNanoseconds: Int64($0) * 1_000_000_000) })
        output.onClose(nil)
        signals.letNextEndProcess()
        output.line("demo: ending; Ctrl-C ends it at once.")
        demo.stopTraffic()
        let summary = DemoSummary(settledSnapshot(of: watch))
        watch.stop()
        demo.stop()
        output.line("demo: \(summary.text)")
    }

    /// A picture in which the block that went on to the last is over, as its last warning says it; or the latest one.
    private func settledSnapshot(of watch: Loopwatch) -> WatchSnapshot {
        let deadline = Clock.now().advanced(byNanoseconds: Self.settlingNanoseconds)
        while true {
            let snapshot = watch.snapshot()
            let targets = snapshot.loops.map(\.statistics) + snapshot.pools.map(\.statistics)
            let isSettled = targets.allSatisfy { $0.currentStallNanoseconds == nil }
            if isSettled || Clock.now() >= deadline { return snapshot }
            // Nothing says when a block is over but the picture itself.
            poll(nil, 0, 5)
        }
    }

    /// Starts the watch, which passes its warnings on.
    private func startWatch(
        warned: @escaping @Sendable (StallReport, String) -> Void
    ) throws(CommandError) -> Loopwatch {
        var settings = configuration.watch
        settings.log.append(.closure(warned))
        return try WatchStart.start(settings, isEndpointChosen: configuration.isEndpointChosen)
    }
}
