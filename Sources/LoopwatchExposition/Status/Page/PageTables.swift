// This source file is part of the Loopwatch project
// SPDX-License-Identifier: Apache-2.0

import LoopwatchCore

/// The tables of targets as they are without a script; the script puts its own in their place.
enum PageTables {
    private static let columns = ["state", "p50", "p99", "max", "blocked in all", "longest", "blocks"]
    private static let columnsOfPools = ["busy threads", "waiting"]

    /// Appends a table, or as much of it as there is room for; what is blocked comes first.
    static func write(_ targets: [TargetStatus], into buffer: inout [UInt8]) {
        guard !targets.isEmpty else {
            buffer.append(text: "<p class=\"static note\">none is registered</p>\n")
            return
        }
        let arePools = targets[0].subject == .pool
        buffer.append(text: "<div class=\"static table\"><table>\n<thead><tr><th scope=col class=left>name</th>")
        for column in columns + (arePools ? columnsOfPools : []) {
            buffer.append(text: "<th scope=col>\(column)</th>")
        }
        buffer.append(text: "</tr></thead>\n<tbody>\n")
        let start = buffer.count
        var leftOut = 0
        let blockedFirst = targets.filter { $0.block != nil } + targets.filter { $0.block == nil }
        for target in blockedFirst {
            guard buffer.count - start < Limits.pageTableBytes else {
                leftOut += 1
                continue
            }
            // One that is too long is left out, and so the next ones may be there.
            let before = buffer.count
            write(target, into: &buffer)
            if buffer.count - start > Limits.pageTableBytes {
                buffer.removeSubrange(before...)
                leftOut += 1
            }
        }
        buffer.append(text: "</tbody></table>")
        if leftOut > 0 {
            buffer.append(text: "<p class=note>\(leftOut) more are in <a href=\"status\">status</a>.</p>")
        }
        buffer.append(text: "</div>\n")
    }

    /// Appends a row.
    private static func write(_ target: TargetStatus, into buffer: inout [UInt8]) {
        let level = target.block.map { PageNow.severity(of: $0, target).label }
        buffer.append(text: level.map { "<tr class=\"blocked \($0)\">" } ?? "<tr>")
        buffer.append(text: "<th scope=row><bdi>")
        buffer.append(htmlText: PageNow.name(of: target))
        buffer.append(text: "</bdi>")
        if let remote = target.remote {
            buffer.append(text: "<small>pid \(target.process?.identifier ?? 0); ")
            buffer.append(htmlText: remote.clipped(toBytes: Limits.nameBytesInLine))
            buffer.append(text: "</small>")
        }
        buffer.append(text: "</th>")
        let state = target.block.map { "blocked " + StatusRow.duration($0.nanoseconds) } ?? "free"
        let (statistics, pool) = (target.statistics, target.pool)
        func duration(_ nanoseconds: Int64?) -> String { nanoseconds.map(StatusRow.duration) ?? "-" }
        var cells = [
            (columns[0], state), (columns[1], duration(target.quantile(0.5))),
            (columns[2], duration(target.quantile(0.99))), (columns[3], duration(target.maximumNanoseconds)),
            (columns[4], duration(statistics.blockedNanoseconds)),
            (columns[5], duration(statistics.longestNanoseconds)),
            (columns[6], String(statistics.stallsBySeverity.reduce(0, &+))),
        ]
        if target.subject == .pool {
            let busy = pool.busy.map { busy in pool.threads.map { "\(busy) of \($0)" } ?? String(busy) }
            cells.append((columnsOfPools[0], busy ?? pool.threads.map { "of \($0)" } ?? "-"))
            cells.append((columnsOfPools[1], pool.waiting.map { String($0) } ?? "-"))
        }
        for (index, (label, text)) in cells.enumerated() {
            let kind = index == 0 ? "class=state" : "data-label=\"\(label)\""
            buffer.append(text: "<td \(kind)>\(text)</td>")
        }
        buffer.append(text: "</tr>\n")
    }
}
