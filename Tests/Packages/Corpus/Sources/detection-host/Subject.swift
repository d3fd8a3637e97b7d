// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

internal import Dispatch
internal import Glibc
internal import Loopwatch
internal import NIOCore
internal import NIOPosix

/// What is blocked, and who watches it.
enum Subject: String, CaseIterable {
    /// NIO event loops, in which Loopwatch is embedded.
    case nio
    /// Serial Dispatch queues, likewise.
    case queue
    /// Swift's global executor, by beats alone.
    case poolBeats = "pool-beats"
    /// Swift's global executor, accounted.
    case poolAccounted = "pool-accounted"
    /// A NIO event loop that the model of another tool watches.
    case vertx = "model-vertx"
    case akka = "model-akka"
    /// A NIO event loop, and Swift's global executor, of which a thread is told when they are blocked.
    case oracle = "model-oracle"
    case oraclePool = "model-oracle-pool"
    /// NIO event loops that nobody watches.
    case bare = "bare-nio"
    /// Nothing but a timer of 10 ms.
    case timer

    /// Runs a closure.
    typealias Execute = @Sendable (@escaping @Sendable () -> Void) -> Void

    /// How many jobs block it: beats see a pool only when it has run dry.
    var width: Int { [.poolBeats, .oraclePool].contains(self) ? max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) : 1 }

    /// Makes as many targets as asked for; returns what runs a closure on the first, and the targets to watch.
    func make(count: Int) -> (execute: Execute, targets: [WatchTarget]) {
        switch self {
        case .nio, .bare, .vertx, .akka, .oracle:
            let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
            let loops = Array(group.makeIterator())
            let targets = loops.enumerated().map { index, loop in WatchTarget.loop("nio-\(index)") { loop.execute($0) }
            }
            let first = loops[0]
            return ({ first.execute($0) }, self == .nio ? targets : [])
        case .queue:
            let queues = (0..<count).map { DispatchQueue(label: "queue-\($0)") }
            let first = queues[0]
            return ({ first.async(execute: $0) }, queues.map { .queue($0.label, $0) })
        case .poolBeats, .poolAccounted, .oraclePool:
            return ({ work in Task.detached(priority: .medium) { work() } }, [])
        case .timer:
            return ({ _ in }, [])
        }
    }

    /// How Loopwatch watches it; `nil` where it does not.
    func configuration(thresholdSeconds: Double) -> WatchConfiguration? {
        guard [.nio, .queue, .poolBeats, .poolAccounted].contains(self) else { return nil }
        var configuration = WatchConfiguration()
        configuration.thresholds = Thresholds(warning: .microseconds(Int64(thresholdSeconds * 1e6)))
        configuration.endpoint = nil
        configuration.watchesGlobalExecutor = self == .poolBeats || self == .poolAccounted
        configuration.poolAccounting = self == .poolAccounted ? .exact : .off
        // Every report is wanted here; a log that people read is limited to one a second of each kind.
        configuration.reportBurst = 1_000_000
        configuration.log = [.closure { report, _ in Told.line("REPORT " + Self.text(of: report)) }]
        return configuration
    }

    /// A report as a JSON object.
    private static func text(of report: StallReport) -> String {
        let at = Told.now
        let began = Double(report.beganUnixNanoseconds) / 1e9 + at - Told.unixNow
        // Time in which the whole process stood still is told apart, but the block lasted as long as both together.
        let length = report.durationNanoseconds + report.interruptedNanoseconds
        return
            #"{"at":\#(Told.text(at)),"state":"\#(report.state)","kind":"\#(report.kind)","episode":\#(report.stall),"#
            + #""target":"\#(report.target)","began":\#(Told.text(began)),"duration":\#(Told.text(Double(length) / 1e9)),"#
            + #""cause":"\#(report.cause.text)"}"#
    }
}
