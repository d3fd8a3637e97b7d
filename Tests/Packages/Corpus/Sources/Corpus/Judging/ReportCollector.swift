// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Loopwatch
internal import Synchronization

/// Keeps what a watch reports, with the time at which each report came.
final class ReportCollector: Sendable {
    /// A report, and when it came, as Unix time in nanoseconds.
    struct Received: Sendable {
        var report: StallReport
        var line: String
        var unixNanoseconds: Int64
    }

    private let storage = Mutex<[Received]>([])

    /// Everything that has come.
    var all: [Received] { storage.withLock { $0 } }

    /// Forgets what has come.
    func clear() { storage.withLock { $0 = [] } }

    /// A configuration that reports to this collector and to nothing else.
    func configuration(threshold: Duration, stackCapture: StackCapture = .full) -> WatchConfiguration {
        var configuration = WatchConfiguration()
        configuration.thresholds = Thresholds(warning: threshold)
        configuration.endpoint = nil
        configuration.watchesGlobalExecutor = false
        configuration.stackCapture = stackCapture
        configuration.reportBurst = 10_000
        configuration.log = [
            .closure { report, line in
                let received = Received(report: report, line: line, unixNanoseconds: Outcome.now(CLOCK_REALTIME))
                self.storage.withLock { $0.append(received) }
            }
        ]
        return configuration
    }

    /// Waits for a report; `nil` when it does not come for a long time.
    func wait(seconds: Double = 10, for isAwaited: (Received) -> Bool) -> Received? {
        eventually(seconds: seconds) { all.first(where: isAwaited) }
    }
}

/// Waits on the calling thread until a value is there; `nil` when that takes too long.
func eventually<Value>(seconds: Double, _ value: () -> Value?) -> Value? {
    let end = Outcome.now(CLOCK_MONOTONIC) + Int64(seconds * 1e9)
    while true {
        if let value = value() { return value }
        guard Outcome.now(CLOCK_MONOTONIC) < end else { return nil }
        usleep(2_000)
    }
}
