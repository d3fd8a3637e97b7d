// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// Writes the status as one JSON document: what the page and the terminal show.
///
/// What is unknown is left out; only in a history `null` stands for an interval that was not recorded.
package struct StatusJSONWriter: Sendable {
    /// The answer's `Content-Type`.
    package static let contentType = "application/json"

    private let warnings: WarningJSONWriter

    /// Creates a writer.
    ///
    /// - Parameter warnings: names the process and the warnings as they are named elsewhere.
    package init(warnings: WarningJSONWriter) {
        self.warnings = warnings
    }

    /// Appends the document.
    ///
    /// - Parameters:
    ///   - status: what to write.
    ///   - points: most intervals of each target's history; none are written for 0.
    ///   - buffer: what to append to.
    package func write(_ status: WatchStatus, points: Int, into buffer: inout [UInt8]) {
        let snapshot = status.snapshot
        let (loops, pools) = (status.loops, status.pools)
        buffer.append(text: #"{"schema":1,"boot":"#)
        buffer.append(jsonString: warnings.boot)
        buffer.append(text: #","version":"#)
        buffer.append(jsonString: snapshot.build.version)
        buffer.append(text: #","process":"#)
        buffer.append(jsonString: snapshot.process)
        member("pid", Int64(warnings.processIdentifier), &buffer)
        buffer.append(text: #","time":""#)
        buffer.append(timestampOfUnixNanoseconds: snapshot.unixNanoseconds)
        buffer.append(0x22)
        member("blocked", Int64((loops + pools).count { $0.block != nil }), &buffer)
        if let newest = status.reports.last?.sequence { member("newest_warning", Int64(clamping: newest), &buffer) }
        writeParts(of: snapshot, into: &buffer)
        buffer.append(text: #","history":{"interval_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: Limits.historyIntervalNanoseconds)
        member("points", Int64(Limits.historyPoints), &buffer)
        if let latest = status.history.latest { member("last", latest, &buffer) }
        buffer.append(0x7D)
        for (name, targets) in [("loops", loops), ("pools", pools)] {
            buffer.append(text: #",""# + name + #"":["#)
            for (index, target) in targets.enumerated() {
                if index > 0 { buffer.append(0x2C) }
                write(target, process: snapshot.process, points: points, into: &buffer)
            }
            buffer.append(0x5D)
        }
        buffer.append(text: "}\n")
    }

    /// Appends which parts of the watch run, and how the watchdog fares.
    private func writeParts(of snapshot: WatchSnapshot, into buffer: inout [UInt8]) {
        buffer.append(text: #","components":["#)
        for (index, component) in snapshot.components.enumerated() {
            buffer.append(text: index > 0 ? #",{"name":"# : #"{"name":"#)
            buffer.append(jsonString: component.name)
            buffer.append(text: component.isUp ? #","up":true}"# : #","up":false}"#)
        }
        let watchdog = snapshot.watchdog
        buffer.append(text: #"],"watchdog":{"cpu_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: watchdog.cpuNanoseconds)
        member("wakeups", Int64(clamping: watchdog.wakeups), &buffer)
        member("missed_wakeups", Int64(clamping: watchdog.missedWakeups), &buffer)
        milliseconds("suspended_ms", watchdog.suspendedNanoseconds, &buffer)
        milliseconds("starved_ms", watchdog.starvedNanoseconds, &buffer)
        buffer.append(0x7D)
    }

    /// Appends a target as an object.
    private func write(_ target: TargetStatus, process: String, points: Int, into buffer: inout [UInt8]) {
        let statistics = target.statistics
        buffer.append(text: #"{"name":"#)
        buffer.append(jsonString: target.name)
        buffer.append(text: #","process":"#)
        buffer.append(jsonString: target.process?.name ?? process)
        member("pid", Int64(target.process?.identifier ?? warnings.processIdentifier), &buffer)
        if let remote = target.remote {
            buffer.append(text: #","remote":"#)
            buffer.append(jsonString: remote)
        }
        buffer.append(text: target.block == nil ? #","state":"free""# : #","state":"blocked","current":"#)
        if let block = target.block { write(block, into: &buffer) }
        if !target.holds.isEmpty {
            buffer.append(text: #","holds":["#)
            for (index, hold) in target.holds.enumerated() {
                if index > 0 { buffer.append(0x2C) }
                write(hold, into: &buffer)
            }
            buffer.append(0x5D)
        }
        buffer.append(text: #","lag":{"window_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: target.windowNanoseconds)
        member("count", Int64(clamping: target.lag.count), &buffer)
        if let median = target.quantile(0.5) { milliseconds("p50_ms", median, &buffer) }
        if let high = target.quantile(0.99) { milliseconds("p99_ms", high, &buffer) }
        milliseconds("max_ms", target.maximumNanoseconds, &buffer)
        buffer.append(0x7D)
        milliseconds("blocked_ms", statistics.blockedNanoseconds, &buffer)
        milliseconds("longest_ms", statistics.longestNanoseconds, &buffer)
        milliseconds("congested_ms", statistics.congestedNanoseconds, &buffer)
        writeBySeverity("stalls", into: &buffer) {
            $1.append(decimal: statistics.stallsBySeverity[$0.rawValue])
        }
        writeBySeverity("thresholds_ms", into: &buffer) {
            $1.append(jsonMillisecondsOfNanoseconds: statistics.thresholdsNanoseconds[$0.rawValue])
        }
        write(target.pool, into: &buffer)
        if points > 0 { write(target.history.points(last: points), into: &buffer) }
        buffer.append(0x7D)
    }

    /// Appends an object with a number for each severity, after a comma.
    private func writeBySeverity(
        _ name: String,
        into buffer: inout [UInt8],
        _ appendNumber: (Severity, inout [UInt8]) -> Void
    ) {
        buffer.append(text: #",""# + name + #"":"#)
        for (index, severity) in Severity.allCases.enumerated() {
            buffer.append(text: (index == 0 ? "{\"" : ",\"") + severity.label + "\":")
            appendNumber(severity, &buffer)
        }
        buffer.append(0x7D)
    }

    /// Appends what blocks a target as an object.
    private func write(_ block: CurrentBlock, into buffer: inout [UInt8]) {
        buffer.append(text: #"{"blocked_ms":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: block.nanoseconds)
        buffer.append(text: #","since":""#)
        buffer.append(timestampOfUnixNanoseconds: block.sinceUnixNanoseconds)
        buffer.append(0x22)
        if let cause = block.cause {
            buffer.append(text: #","cause":"#)
            buffer.append(jsonString: cause)
        }
        if let report = block.report { warnings.writeEssentials(of: report, into: &buffer) }
        buffer.append(0x7D)
    }

    /// Appends what is known of a pool's threads and queue, each member after a comma.
    private func write(_ pool: TargetStatus.PoolStatus, into buffer: inout [UInt8]) {
        if let waiting = pool.waiting { member("waiting", Int64(waiting), &buffer) }
        if let most = pool.waitingMaximum { member("waiting_max", Int64(most), &buffer) }
        if let threads = pool.threads { member("threads", Int64(threads), &buffer) }
        if let busy = pool.busy { member("busy", Int64(busy), &buffer) }
        if let held = pool.held { member("held", Int64(held), &buffer) }
        if let saturated = pool.saturatedNanoseconds { milliseconds("saturated_ms", saturated, &buffer) }
        if let accounting = pool.accounting {
            buffer.append(text: #","accounting":"#)
            buffer.append(jsonString: accounting)
        }
    }

    /// Appends a history as an object of two arrays, which take less room than an object for each point.
    private func write(_ points: [LagHistory.Point], into buffer: inout [UInt8]) {
        for (name, value) in [
            (#","history":{"max_us":["#, \LagHistory.Point.maximumMicroseconds),
            (#","blocked_us":["#, \.blockedMicroseconds),
        ] {
            buffer.append(text: name)
            for (index, point) in points.enumerated() {
                if index > 0 { buffer.append(0x2C) }
                if point.isMissing {
                    buffer.append(text: "null")
                } else {
                    buffer.append(decimal: Int64(point[keyPath: value]))
                }
            }
            buffer.append(0x5D)
        }
        buffer.append(0x7D)
    }

    private func member(_ name: String, _ value: Int64, _ buffer: inout [UInt8]) {
        buffer.append(text: #",""# + name + #"":"#)
        buffer.append(decimal: value)
    }

    private func milliseconds(_ name: String, _ nanoseconds: Int64, _ buffer: inout [UInt8]) {
        buffer.append(text: #",""# + name + #"":"#)
        buffer.append(jsonMillisecondsOfNanoseconds: nanoseconds)
    }
}
