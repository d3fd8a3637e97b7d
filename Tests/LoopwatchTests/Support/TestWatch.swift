// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import Loopwatch
import LoopwatchCore

/// Runs a body with a watch that logs to a recorder, has no endpoint and no targets, and is stopped afterwards.
func withWatch(
    stacks: StackCapture = .full,
    _ change: (inout WatchConfiguration) -> Void = { _ in },
    _ body: (Loopwatch, ReportRecorder) throws -> Void
) throws {
    let recorder = ReportRecorder()
    var configuration = WatchConfiguration.forTests
    configuration.log = [recorder.destination]
    configuration.stackCapture = stacks
    change(&configuration)
    let watch = try Loopwatch.start(configuration)
    defer { watch.stop() }
    try body(watch, recorder)
}

extension WatchConfiguration {
    /// No endpoint, no log, no targets, and a threshold that the load of other tests does not cross.
    static var forTests: WatchConfiguration {
        var configuration = WatchConfiguration()
        configuration.thresholds = Thresholds(warning: .milliseconds(200))
        configuration.endpoint = nil
        configuration.log = []
        configuration.watchesGlobalExecutor = false
        configuration.processName = "tests"
        return configuration
    }
}

extension EndpointAddress {
    /// A free port of the loopback.
    static let free = EndpointAddress.tcp(host: "127.0.0.1", port: 0)
}

extension Loopwatch {
    /// Waits until the watchdog went round some more times, so that what it was about to say is said.
    func settle(rounds: UInt64 = 4) throws {
        let before = snapshot().watchdog.wakeups
        try eventually("\(rounds) more rounds of the watchdog") { snapshot().watchdog.wakeups >= before + rounds }
    }

    /// What is counted of a loop or pool.
    func statistics(of name: String) throws -> StallStatistics {
        let snapshot = snapshot()
        let loop = snapshot.loops.first { $0.name == name }?.statistics
        guard let statistics = loop ?? snapshot.pools.first(where: { $0.name == name })?.statistics else {
            throw NeverHappened(description: "no target is called \(name)")
        }
        return statistics
    }

    /// Waits until targets have answered once, so that it is known which thread serves them.
    func waitUntilAnswered(_ names: [String]) throws {
        for name in names {
            try eventually("\(name) answers") { try statistics(of: name).lag.count > 0 }
        }
    }

    /// Waits until a block of a target is told of, so that it will be counted once it has ended.
    ///
    /// One that is merely current may be taken back: the watchdog may find that it had no CPU meanwhile, and then that time
    /// is no block.
    func waitUntilTold(_ name: String, _ what: String) throws {
        try eventually("\(what) is told of") { try statistics(of: name).certainStallNanoseconds != nil }
    }

    /// Waits until a loop was proved to wait without being asked, so that it is as quiet as it gets.
    func waitUntilParked(_ names: [String]) throws {
        for name in names {
            let before = try statistics(of: name).parkChecks
            try eventually("\(name) is proved to wait") { try statistics(of: name).parkChecks >= before + 3 }
        }
    }

    /// The value of one series in the metrics.
    func metric(_ series: String) -> Double? {
        for line in metrics().split(separator: "\n") where line.hasPrefix(series + " ") {
            return Double(line.dropFirst(series.count + 1))
        }
        return nil
    }
}
